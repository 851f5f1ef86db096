// A reader's clients towards the writers that its leases name.
#include <gmock/gmock.h>

#include <memory>
#include <string>
#include <vector>

#include "reader-worker/writer_clients.h"
#include "tests/support/fake_writer.h"
#include "tests/support/status_matchers.h"

namespace vecferry::reader {
namespace {

using ::testing::_;
using ::testing::ElementsAre;
using ::vecferry::testing::FakeWriter;
using ::vecferry::testing::StatusIs;

class WriterClientsTest : public ::testing::Test {
 protected:
  WriterClients Make(absl::Duration unused_max) {
    return WriterClients(
        [this](const std::string& address) -> absl::StatusOr<std::shared_ptr<rpc::WriterClient>> {
          if (address == "bad") return absl::InvalidArgumentError("bad");
          made_.push_back(address);
          return std::make_shared<FakeWriter>();
        },
        unused_max);
  }

  std::vector<std::string> made_;
};

TEST_F(WriterClientsTest, OneAnAddressIsMade) {
  WriterClients clients = Make(absl::Minutes(1));
  const auto first = *clients.Find("a");
  EXPECT_EQ(*clients.Find("a"), first);
  EXPECT_NE(*clients.Find("b"), first);
  EXPECT_EQ(*clients.Find("a"), first);
  EXPECT_THAT(made_, ElementsAre("a", "b"));
}

TEST_F(WriterClientsTest, ThoseThatNobodyUsesAreDropped) {
  WriterClients clients = Make(absl::ZeroDuration());
  const auto held = *clients.Find("a");
  const std::weak_ptr<rpc::WriterClient> unused = *clients.Find("b");
  EXPECT_FALSE(unused.expired());
  const auto other = *clients.Find("c");
  EXPECT_TRUE(unused.expired());
  EXPECT_EQ(*clients.Find("a"), held) << "a stream uses it";
}

TEST_F(WriterClientsTest, SayWhyThereIsNone) {
  WriterClients clients = Make(absl::Minutes(1));
  EXPECT_THAT(clients.Find(""), StatusIs(absl::StatusCode::kInternal, "the lease names no writer"));
  EXPECT_THAT(clients.Find("bad"), StatusIs(absl::StatusCode::kInvalidArgument, _));
}

}  // namespace
}  // namespace vecferry::reader
