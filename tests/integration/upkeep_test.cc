// What coordinators that are services do without being asked: taking up migrations, keeping and dropping copies.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common/base/descriptor.h"
#include "tests/support/service_fixture.h"

namespace vecferry::coordinator {
namespace {

using ::testing::HasSubstr;

TEST_F(ServiceTest, TakesUpWhatItsCallerSpeltOtherwiseThanTheEnvironment) {
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

TEST_F(ServiceTest, TakesUpWhatIsReachedWhileAnotherConnectionIsAway) {
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

TEST_F(ServiceTest, LeavesAMigrationAloneThatIsHaltedWhileItIsTakenUp) {
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

TEST_F(ServiceTest, DropsTheCopyOfAMigrationThatWasDroppedElsewhere) {
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

TEST_F(ServiceTest, KeepsCopiesOfPausedMigrationsAndAllWhileAConnectionIsNotKnown) {
  const std::string id = Leave(10);
  ASSERT_THAT(Serve()->migrations().Pause(id, kListed), IsOk());
  const auto service = Serve();
  service->away = "host=/nowhere";
  // Read by no migration.
  const std::string left = (*service->sources().Open(source_.path(), "", [] { return false; }))->snapshot();
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
  EXPECT_THAT(service->sources().Find(left), StatusIs(absl::StatusCode::kNotFound, HasSubstr("")));
  EXPECT_EQ(Copies(), 1);
}

}  // namespace
}  // namespace vecferry::coordinator
