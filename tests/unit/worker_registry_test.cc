#include "coordinator/worker_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vecferry::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

class WorkerRegistryTest : public ::testing::Test {
 protected:
  void Beat(const std::string& name, rpc::WorkerKind kind, int streams = 2, bool draining = false) {
    registry_.Beat({name, kind, "at-" + name, streams, draining});
  }
  std::string Verifier() {
    asked_.clear();
    return registry_.ChooseVerifier().ok() ? asked_ : "";
  }

  absl::Duration now_ = absl::Hours(100);
  std::string asked_;  // address of the verifier that was chosen last
  WorkerRegistry registry_{[this](const std::string& address) -> absl::StatusOr<std::shared_ptr<rpc::VerifierClient>> {
                             asked_ = address;
                             return std::shared_ptr<rpc::VerifierClient>();
                           },
                           [this] { return now_; }};
};

TEST_F(WorkerRegistryTest, ChoosesTheWriterWithTheSmallestPartOfItsStreamsInUse) {
  EXPECT_EQ(registry_.ChooseWriter({}), std::nullopt);
  Beat("small", rpc::WorkerKind::kWriter, 2);
  Beat("large", rpc::WorkerKind::kWriter, 8);
  EXPECT_THAT(registry_.ChooseWriter({{"at-small", 1}, {"at-large", 3}}), Optional(std::string("at-large")));
  EXPECT_THAT(registry_.ChooseWriter({{"at-small", 0}, {"at-large", 3}}), Optional(std::string("at-small")));
  EXPECT_EQ(registry_.ChooseWriter({{"at-small", 2}, {"at-large", 8}}), std::nullopt);
}

TEST_F(WorkerRegistryTest, ChoosesNobodyWhoDrainsOrIsSilent) {
  Beat("w", rpc::WorkerKind::kWriter, 2, /*draining=*/true);
  Beat("v", rpc::WorkerKind::kVerifier, 1, /*draining=*/true);
  EXPECT_EQ(registry_.ChooseWriter({}), std::nullopt);
  EXPECT_EQ(Verifier(), "");
  Beat("w", rpc::WorkerKind::kWriter);
  Beat("v", rpc::WorkerKind::kVerifier);
  now_ += kSilenceMax - absl::Milliseconds(1);
  EXPECT_THAT(registry_.ChooseWriter({}), Optional(std::string("at-w")));
  EXPECT_EQ(Verifier(), "at-v");
  now_ += absl::Milliseconds(1);
  EXPECT_EQ(registry_.ChooseWriter({}), std::nullopt);
  EXPECT_EQ(Verifier(), "");
}

TEST_F(WorkerRegistryTest, TellsAReaderThatFellSilentOnce) {
  Beat("r1", rpc::WorkerKind::kReader);
  Beat("r2", rpc::WorkerKind::kReader);
  Beat("w", rpc::WorkerKind::kWriter);
  EXPECT_EQ(registry_.Count(rpc::WorkerKind::kReader), 2);
  now_ += kSilenceMax;
  Beat("r2", rpc::WorkerKind::kReader);
  EXPECT_THAT(registry_.TakeGoneReaders(), ElementsAre("r1"));
  EXPECT_THAT(registry_.TakeGoneReaders(), IsEmpty());
  EXPECT_EQ(registry_.Count(rpc::WorkerKind::kReader), 1);
  EXPECT_EQ(registry_.Count(rpc::WorkerKind::kWriter), 0);
}

TEST_F(WorkerRegistryTest, ChoosesVerifiersInTurn) {
  Beat("a", rpc::WorkerKind::kVerifier);
  Beat("b", rpc::WorkerKind::kVerifier);
  EXPECT_EQ(Verifier(), "at-a");
  EXPECT_EQ(Verifier(), "at-b");
  EXPECT_EQ(Verifier(), "at-a");
}

}  // namespace
}  // namespace vecferry::coordinator
