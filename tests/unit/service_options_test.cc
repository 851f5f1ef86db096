// Flags of services: connections by name, coordinators.
#include <gmock/gmock.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/service/address.h"
#include "common/service/options.h"
#include "common/service/worker.h"
#include "tests/support/status_matchers.h"

namespace vecferry::service {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::vecferry::testing::IsOk;
using ::vecferry::testing::StatusIs;

class ConnectionsTest : public ::testing::Test {
 protected:
  ConnectionsTest() {
    char name[] = "/tmp/vecferry-connections-XXXXXX";
    options_.connections_dir = folder_ = mkdtemp(name);
  }
  ~ConnectionsTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(absl::StrCat(folder_, "/", name)) << text;
  }

  ServiceOptions options_;
  std::string folder_;
};

TEST_F(ConnectionsTest, AreFoundInTurn) {
  options_.connections = {{"orders-prod", "flag"}};
  Write("orders-prod", "file");
  Write("orders-test", "file\n");
  Write("third", "  postgresql:///x \n");
  const Connections connections(
      options_, {"VECFERRY_CONNECTION_ORDERS_PROD=variable", "VECFERRY_CONNECTION_ORDERS_TEST=variable=1", "OTHER=x"});
  EXPECT_EQ(*connections.Resolve("orders-prod"), "flag");
  EXPECT_EQ(*connections.Resolve("orders-test"), "variable=1");
  EXPECT_EQ(*connections.Resolve("third"), "postgresql:///x");
  Write("third", "postgresql:///renewed");
  EXPECT_EQ(*connections.Resolve("third"), "postgresql:///renewed");
}

TEST_F(ConnectionsTest, AnUnknownNameTellsWhereItWasLookedForAndNoUrl) {
  options_.connections = {{"other", "secret"}};
  Write("empty", "\n");
  const Connections connections(options_, {});
  for (const char* name : {"unknown", "empty"}) {
    EXPECT_THAT(
        connections.Resolve(name),
        StatusIs(absl::StatusCode::kNotFound, AllOf(HasSubstr(name), HasSubstr("VECFERRY_CONNECTION_"),
                                                    HasSubstr(options_.connections_dir), Not(HasSubstr("secret")))));
  }
}

TEST_F(ConnectionsTest, AreListedOrSaidToBeUnreadable) {
  options_.connections = {{"orders-prod", "flag"}};
  Write("third", "file");
  Write(".hidden", "file");
  std::filesystem::create_directory(absl::StrCat(folder_, "/folder"));
  std::filesystem::create_symlink("gone", absl::StrCat(folder_, "/zz"));
  const Environment environment = {"VECFERRY_CONNECTION_ORDERS_TEST=variable"};
  EXPECT_THAT(*Connections(options_, environment).Names(), ElementsAre("orders-prod", "orders_test", "third", "zz"));
  options_.connections_dir += "/third";  // no folder
  EXPECT_THAT(Connections(options_, environment).Names(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("--connections-dir")));
  options_.connections_dir = "";
  EXPECT_THAT(*Connections(options_, environment).Names(), ElementsAre("orders-prod", "orders_test"));
}

TEST_F(ConnectionsTest, NeitherAPipeNorALargeFileIsRead) {
  ASSERT_EQ(mkfifo(absl::StrCat(folder_, "/pipe").c_str(), 0600), 0);
  Write("large", std::string(64 << 10, 'x') + "x");
  const Connections connections(options_, {});
  EXPECT_THAT(connections.Resolve("pipe"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("pipe")));
  EXPECT_THAT(connections.Resolve("large"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("large")));
}

TEST_F(ConnectionsTest, ANameIsNoPath) {
  Write(".hidden", "secret");
  const Connections connections(options_, {});
  for (const std::string& name :
       {std::string("../../etc/hostname"), std::string("/etc/hostname"), std::string(".hidden"), std::string("..")}) {
    EXPECT_FALSE(connections.Resolve(name).ok()) << name;
  }
}

TEST(ParseHostPortTest, TakesNamesAndAddresses) {
  EXPECT_EQ(ParseHostPort("--coordinator", "coordinator:7070")->host, "coordinator");
  EXPECT_EQ(ParseHostPort("--coordinator", "coordinator:7070")->port, "7070");
  EXPECT_EQ(ParseHostPort("--coordinator", "[fd00::7]:1")->host, "fd00::7");
  for (const char* text : {"", ":1", "coordinator", "coordinator:", "coordinator:http", "coordinator:0",
                           "coordinator:65536", "fd00::7:1", "[coordinator]:1", "[]:1"}) {
    EXPECT_THAT(ParseHostPort("--coordinator", text),
                StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr("--coordinator"), HasSubstr("HOST:PORT"))))
        << text;
  }
}

TEST(ResolveHostTest, AnswersEachServiceOnce) {
  EXPECT_THAT(*ResolveHost({"127.0.0.1", "7"}), ElementsAre("127.0.0.1:7"));
  EXPECT_THAT(*ResolveHost({"::1", "7"}), ElementsAre("[::1]:7"));
  EXPECT_THAT(*ResolveHost({"localhost", "7"}), ElementsAre("127.0.0.1:7")) << "also where it is ::1 too";
  EXPECT_THAT(ResolveHost({"no.such.name.invalid", "7"}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no.such.name.invalid")));
}

absl::StatusOr<CoordinatorsOptions> ReadWorker(rpc::WorkerKind kind, const ServiceOptions& service,
                                               const std::vector<std::string>& words) {
  flags::Arguments arguments("vecferry-x", "");
  AddWorkerFlags(arguments);
  EXPECT_THAT(arguments.Parse(words), IsOk());
  return ReadWorkerFlags(arguments, service, kind);
}

TEST(WorkerFlagsTest, NameSeveralCoordinators) {
  ServiceOptions service;
  service.server.insecure = true;
  const auto options =
      ReadWorker(rpc::WorkerKind::kWriter, service, {"--coordinator", "a:1,b:2", "--advertise", "writer-1:7070"});
  ASSERT_THAT(options, IsOk());
  ASSERT_EQ(options->targets.size(), 2u);
  EXPECT_EQ(options->targets[1].host, "b");
  EXPECT_EQ(options->beat.address, "writer-1:7070");
  EXPECT_TRUE(options->insecure);
  EXPECT_TRUE(ReadWorker(rpc::WorkerKind::kWriter, service, {})->targets.empty());
}

TEST(WorkerFlagsTest, SayWhatIsWrong) {
  ServiceOptions service;
  const auto refused = [&](rpc::WorkerKind kind, const std::vector<std::string>& words, const std::string& told) {
    EXPECT_THAT(ReadWorker(kind, service, words), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(told)));
  };
  refused(rpc::WorkerKind::kReader, {"--coordinator", "a"}, "HOST:PORT");
  refused(rpc::WorkerKind::kWriter, {"--coordinator", ","}, "--coordinator is missing");
  refused(rpc::WorkerKind::kReader, {}, "--coordinator is missing");
  refused(rpc::WorkerKind::kVerifier, {}, "--coordinator is missing");
  refused(rpc::WorkerKind::kReader, {"--coordinator", "localhost:1,a:1"}, "a:1 is not on this machine");
  refused(rpc::WorkerKind::kWriter, {"--advertise", "writer"}, "HOST:PORT");
  refused(rpc::WorkerKind::kWriter, {"--advertise", "0.0.0.0:7070"}, "reaches this worker");
  for (const char* listen : {"0.0.0.0:7070", "[::]:7070"}) {
    service.server.listen = listen;
    refused(rpc::WorkerKind::kWriter, {"--coordinator", "localhost:1"}, "--advertise is missing");
    EXPECT_THAT(ReadWorker(rpc::WorkerKind::kWriter, service, {}), IsOk()) << "nobody is told of it";
    EXPECT_THAT(ReadWorker(rpc::WorkerKind::kReader, service, {"--coordinator", "localhost:1"}), IsOk())
        << "a reader is never called";
  }
}

TEST(WorkerNameTest, IsNeverAnothers) {
  const std::string first = MakeWorkerName(), second = MakeWorkerName();
  EXPECT_NE(first, second);
  EXPECT_THAT(first, HasSubstr(absl::StrCat("-", getpid(), "-")));
  EXPECT_EQ(first.size() - first.rfind('-'), 9u);
}

}  // namespace
}  // namespace vecferry::service
