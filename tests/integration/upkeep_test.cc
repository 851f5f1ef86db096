// What coordinators that are services do without being asked: taking up migrations, keeping and dropping copies, and
// what two of them do to the same migration at once.
#include "coordinator/upkeep.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <thread>

#include "common/base/descriptor.h"
#include "common/core/waiting_step.h"
#include "common/postgres/ledger_sql.h"
#include "coordinator/copied_sources.h"
#include "coordinator/ledger_moves.h"
#include "coordinator/stage_clock.h"
#include "tests/support/migration_fixture.h"

namespace vecferry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::MigrationTest;
using ::vecferry::testing::StatusIs;
namespace fs = std::filesystem;

constexpr char kSpelt[] = "orders-prod", kListed[] = "orders_prod";

// A verifier that goes away whenever it is asked.
class AwayVerifier : public rpc::VerifierClient {
 public:
  absl::Status Verify(const std::string&, const std::string&, const std::string&, const std::string&,
                      const std::function<void(const core::CheckReport&)>&) override {
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
    options.duties.registry = std::make_shared<WorkerRegistry>(
        [](const std::string&) { return absl::UnavailableError("none"); }, Monotonic);
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

class UpkeepTest : public MigrationTest {
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
    database_.Run(absl::StrCat("UPDATE vecferry.migration SET coordinator_seen_at = now() - interval '", seconds,
                               " seconds'"));
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

TEST_F(UpkeepTest, TakesUpWhatItsCallerSpeltOtherwiseThanTheEnvironment) {
  Leave(10);
  EXPECT_EQ(State(), "COPYING 1");
  const auto service = Serve();
  service->BeginUpkeep({kListed});
  AwaitState("COPYING 2");
}

// A host that takes connections and says nothing.
class SilentHost {
 public:
  SilentHost() : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(listener_.number(), reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(listen(listener_.number(), 16), 0);
    getsockname(listener_.number(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
  }
  std::string conninfo() const { return absl::StrCat("host=127.0.0.1 port=", port_, " connect_timeout=600"); }
  void AwaitCaller() { caller_ = base::Descriptor(accept(listener_.number(), nullptr, nullptr)); }
  bool CallerWaits() {
    char bytes[4096];
    ssize_t read;
    while ((read = recv(caller_.number(), bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
    }
    return read < 0;
  }

 private:
  base::Descriptor listener_, caller_;
  int port_ = 0;
};

TEST_F(UpkeepTest, TakesUpWhatIsReachedWhileAnotherConnectionIsAway) {
  Leave(10);
  SilentHost silent;
  const auto service = Serve();
  service->away = silent.conninfo();
  service->BeginUpkeep({"away", kListed});
  silent.AwaitCaller();
  AwaitState("COPYING 2");
  EXPECT_TRUE(silent.CallerWaits());
  EXPECT_FALSE(service->upkeep().looked());
  service->migrations().Stop();
}

TEST_F(UpkeepTest, LeavesAMigrationAloneThatIsHaltedWhileItIsTakenUp) {
  const std::string id = Leave(10);
  const std::string lock = absl::StrCat("(hashtextextended('vecferry/migration/", id, "', 0))");
  database_.Run(absl::StrCat("SELECT pg_advisory_lock", lock));
  const auto service = Serve();
  absl::Status taken = absl::UnknownError("not yet");
  std::thread take([&] { taken = service->migrations().TakeUp(kListed); });
  while (Query("SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = "
               "'vecferry/coordinator' AND query LIKE 'SELECT l.pid, m.coordinator_host%'")
             .empty()) {
    std::this_thread::yield();
  }
  EXPECT_THAT(Serve()->migrations().Pause(id, kListed), IsOk());
  database_.Run(absl::StrCat("SELECT pg_advisory_unlock", lock));
  take.join();
  EXPECT_THAT(taken, IsOk());
  EXPECT_THAT(State(), HasSubstr("PAUSED"));
  EXPECT_THAT(service->migrations().GetPlan(id), StatusIs(absl::StatusCode::kNotFound, HasSubstr("not run here")));
}

TEST_F(UpkeepTest, AnEndStaysWhereAHaltComesTooLate) {
  const std::string id = Leave(10);
  database_.Run("UPDATE vecferry.migration SET state = 'VERIFIED'");
  postgres::Connection session = database_.Connect();
  EXPECT_THAT(HaltMigration(session, id, core::State::kCancelled),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("ended a moment ago")));
  EXPECT_EQ(State(), "VERIFIED 1");
}

TEST_F(UpkeepTest, TablesStayWhereAnEndComesBeforeTheDrop) {
  const std::string id = Leave(10);
  const std::string lock = absl::StrCat("(hashtextextended('vecferry/migration/", id, "', 0))");
  database_.Run(absl::StrCat("SELECT pg_advisory_lock", lock));
  const auto service = Serve();
  absl::Status dropped;
  std::thread drop([&] { dropped = service->migrations().Cancel(id, kListed, /*drop=*/true).status(); });
  AwaitState("CANCELLED 2");
  database_.Run("UPDATE vecferry.migration SET state = 'VERIFIED'");
  database_.Run(absl::StrCat("SELECT pg_advisory_unlock", lock));
  drop.join();
  EXPECT_THAT(dropped, StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("nothing to drop")));
  EXPECT_THAT(Query("SELECT 1 FROM pg_class WHERE oid = 'mem.notes'::regclass"), SizeIs(1));
}

TEST_F(UpkeepTest, AWatchEndsWhereNobodyDrivesAndSaysThatItWaitsForACoordinator) {
  const std::string id = Leave(600);
  std::vector<core::Report> reports;
  EXPECT_THAT(Serve()->migrations().Watch(id, kListed,
                                          [&](const core::Report& report) {
                                            reports.push_back(report);
                                            return true;
                                          }),
              IsOk());
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].state, core::State::kCopying);
  EXPECT_EQ(reports[0].step, core::kWaitingForCoordinator);
}

TEST_F(UpkeepTest, DropsTheCopyOfAMigrationThatWasDroppedElsewhere) {
  const auto service = Serve();
  const absl::StatusOr<rpc::Started> started = service->migrations().Start(Request());
  ASSERT_THAT(started, IsOk());
  service->BeginUpkeep({kListed});
  service->AwaitTidied(3);
  EXPECT_EQ(Copies(), 1);
  const std::string other_scratch = scratch_ + "-other";
  fs::create_directory(other_scratch);
  ServiceCoordinator other(database_.conninfo(), other_scratch);
  ASSERT_THAT(other.migrations().Cancel(started->migration_id, kListed, /*drop=*/true), IsOk());
  while (Copies() > 0) std::this_thread::yield();
}

TEST_F(UpkeepTest, KeepsCopiesOfPausedMigrationsAndAllWhileAConnectionIsNotKnown) {
  const std::string id = Leave(10);
  ASSERT_THAT(Serve()->migrations().Pause(id, kListed), IsOk());
  const auto service = Serve();
  service->away = "host=/nowhere";
  // Read by no migration.
  const std::string left = (*service->sources().Open(source_.path(), "", [] { return false; }))->snapshot();
  const std::string path = service->sources().Find(left)->path;
  ASSERT_EQ(Copies(), 2);
  service->BeginUpkeep({kListed, "away"});
  service->AwaitTidied(5);
  EXPECT_EQ(Copies(), 2) << "nobody knows what is in use at the connection that is away";
  service->unlisted = true;
  service->AwaitTidied(2);
  service->is_away = false;
  service->AwaitTidied(5);
  EXPECT_EQ(Copies(), 2) << "nobody knows which connections there are";
  service->unlisted = false;
  while (Copies() > 1) std::this_thread::yield();
  service->AwaitTidied(3);
  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(Copies(), 1);
}

// A store without rows, of which a reader would only say that its shard is done.
class VerifierAwayTest : public UpkeepTest {
 protected:
  void SetUp() override {
    source_.Run("CREATE TABLE notes (id INTEGER PRIMARY KEY)");
    source_.Close();
    fs::create_directory(scratch_);
  }
};

TEST_F(VerifierAwayTest, FailsAfterSoManyAttemptsAndSaysWhy) {
  const std::string id = Leave(10);
  database_.Run("UPDATE vecferry.shard SET done = true");
  ServiceCoordinator service(database_.conninfo(), scratch_, /*attempts_max=*/3);
  ASSERT_THAT(service.migrations().Resume(id, kListed), IsOk());
  core::Report last;
  EXPECT_THAT(service.migrations().Watch(id, kListed,
                                         [&](const core::Report& report) {
                                           last = report;
                                           return true;
                                         }),
              IsOk());
  EXPECT_EQ(last.state, core::State::kFailed);
  EXPECT_THAT(last.failure, HasSubstr("its pod is gone"));
  EXPECT_EQ(service.verifier().calls, 3) << "the destination is not taken for lost";
}

}  // namespace
}  // namespace vecferry::coordinator
