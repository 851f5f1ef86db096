// Flags of services: connections by name.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "common/service/options.h"
#include "tests/support/status_matchers.h"

namespace vecferry::service {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::vecferry::testing::StatusIs;

class ConnectionsTest : public ::testing::Test {
 protected:
  ConnectionsTest() {
    char name[] = "/tmp/vecferry-connections-XXXXXX";
    options_.connections_dir = mkdtemp(name);
  }
  ~ConnectionsTest() override { std::filesystem::remove_all(options_.connections_dir); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(absl::StrCat(options_.connections_dir, "/", name)) << text;
  }

  ServiceOptions options_;
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

TEST_F(ConnectionsTest, ANameIsNoPath) {
  Write(".hidden", "secret");
  const Connections connections(options_, {});
  for (const std::string& name :
       {std::string("../../etc/hostname"), std::string("/etc/hostname"), std::string(".hidden"), std::string("..")}) {
    EXPECT_FALSE(connections.Resolve(name).ok()) << name;
  }
}

}  // namespace
}  // namespace vecferry::service
