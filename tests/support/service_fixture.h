#ifndef VECFERRY_TESTS_SUPPORT_SERVICE_FIXTURE_H_
#define VECFERRY_TESTS_SUPPORT_SERVICE_FIXTURE_H_

#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "coordinator/copied_sources.h"
#include "coordinator/stage_clock.h"
#include "coordinator/upkeep.h"
#include "tests/support/migration_fixture.h"

// Coordinators as services over a small store and a real Postgres, without gRPC and without workers.
namespace vecferry::coordinator {

using ::vecferry::testing::IsOk;
using ::vecferry::testing::MigrationTest;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

// A connection as its callers spell it, and as a service lists it.
inline constexpr char kSpelt[] = "orders-prod", kListed[] = "orders_prod";

// A verifier that goes away whenever it is asked.
class AwayVerifier : public rpc::VerifierClient {
 public:
  absl::Status Verify(const rpc::Verification&, core::Findings&) override {
    ++calls;
    return absl::UnavailableError("its pod is gone");
  }
  std::atomic<int> calls = 0;
};

// A coordinator as a service, without readers and writers: what it copies stays where it is.
class ServiceCoordinator {
 public:
  ServiceCoordinator(const std::string& conninfo, std::string scratch, int attempts_max = 5)
      : verifier_(std::make_shared<AwayVerifier>()),
        sources_(MakeCopiedSources(std::move(scratch))),
        options_(MakeOptions(attempts_max)),
        migrations_(options_, sources_, MakeOwnWorkers(verifier_),
                    [this, conninfo](absl::string_view name) -> absl::StatusOr<std::string> {
                      if (name == kSpelt || name == kListed || (name == "away" && !is_away)) return conninfo;
                      if (name == "away") return away;
                      return absl::NotFoundError("unknown");
                    }) {}

  void BeginUpkeep(std::vector<std::string> names) {
    options_.duties.connection_names = [this, names]() -> absl::StatusOr<std::vector<std::string>> {
      if (unlisted) return absl::UnavailableError("the folder cannot be read");
      return names;
    };
    upkeep_.emplace(options_.duties, migrations_);
  }
  // Until copies were looked through `more` times from now on.
  void AwaitTidied(int more) {
    for (const int end = tidied + more; tidied < end;) std::this_thread::yield();
  }
  Migrations& migrations() { return migrations_; }
  CopiedSources& sources() { return *sources_; }
  AwayVerifier& verifier() { return *verifier_; }
  // Whether its metrics have this line.
  bool Tells(const std::string& line) {
    migrations_.Measure();
    return absl::StrContains(prometheus::TextSerializer().Serialize(options_.registry->Collect()), line);
  }
  Upkeep& upkeep() { return *upkeep_; }

  std::string away;  // where a connection leads that is away; not to be changed once it is looked through
  std::atomic<bool> is_away = true;
  std::atomic<bool> unlisted = false;
  std::atomic<int> tidied = 0;

 private:
  CoordinatorOptions MakeOptions(int attempts_max) {
    CoordinatorOptions options;
    options.life = Life::kService;
    options.attempts_max = attempts_max;
    options.duties.look_interval = options.duties.tidy_interval = absl::Milliseconds(1);
    options.duties.registry =
        std::make_shared<WorkerRegistry>([](const std::string&) { return absl::UnavailableError("none"); }, Monotonic);
    options.duties.keep_copies = [this](const std::set<std::string>& used) { sources_->KeepOnly(used); };
    options.duties.tidy_copies = [this] { ++tidied; };
    return options;
  }

  const std::shared_ptr<AwayVerifier> verifier_;
  const std::shared_ptr<CopiedSources> sources_;
  CoordinatorOptions options_;
  Migrations migrations_;
  std::optional<Upkeep> upkeep_;
};

class ServiceTest : public MigrationTest {
 protected:
  void SetUp() override {
    WriteStore(10);
    fs::create_directory(scratch_);
  }
  std::unique_ptr<ServiceCoordinator> Serve() {
    return std::make_unique<ServiceCoordinator>(database_.conninfo(), scratch_);
  }
  rpc::StartOptions Request() {
    rpc::StartOptions request;
    request.identity.source_path = source_.path();
    request.identity.destination_schema = "mem";
    request.identity.profile = "auto";
    request.connection = kSpelt;
    return request;
  }
  // A migration whose coordinator is gone since so many seconds.
  std::string Leave(int seconds) {
    const absl::StatusOr<rpc::Started> started = Serve()->migrations().Start(Request());
    EXPECT_THAT(started, IsOk());
    database_.Run(
        absl::StrCat("UPDATE vecferry.migration SET coordinator_seen_at = now() - interval '", seconds, " seconds'"));
    return started.ok() ? started->migration_id : "";
  }
  std::string State() {
    return database_.QueryValue("SELECT state || ' ' || coordinator_epoch FROM vecferry.migration");
  }
  void AwaitState(const std::string& state) {
    while (State() != state) std::this_thread::yield();
  }
  int Copies() {
    int copies = 0;
    for (const auto& entry : fs::directory_iterator(scratch_)) copies += entry.path().extension() == ".db";
    return copies;
  }

  const std::string scratch_ = absl::StrCat(fs::path(source_.path()).parent_path().string(), "/scratch");
};

// A store without rows, of which a reader would only say that its shard is done.
class EmptyStoreTest : public ServiceTest {
 protected:
  void SetUp() override {
    source_.Run("CREATE TABLE notes (id INTEGER PRIMARY KEY)");
    source_.Close();
    fs::create_directory(scratch_);
  }
};

}  // namespace vecferry::coordinator

#endif  // VECFERRY_TESTS_SUPPORT_SERVICE_FIXTURE_H_
