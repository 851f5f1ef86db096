// The bound on what all streams of a writer hold in their queues together.
#include <gmock/gmock.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "writer-worker/queue_budget.h"

namespace vecferry::writer {
namespace {

using ::testing::HasSubstr;

class QueueBudgetTest : public ::testing::Test {
 protected:
  std::string Told() { return prometheus::TextSerializer().Serialize(registry_->Collect()); }

  const std::shared_ptr<prometheus::Registry> registry_ = telemetry::MakeRegistry();
  telemetry::Gauge gauge_{*registry_, "taken", "Bytes."};
  QueueBudget budget_{100, gauge_};
};

TEST_F(QueueBudgetTest, ShowsWhatIsTakenAndGivesTheRestBack) {
  QueueBudget::Share first(budget_);
  EXPECT_TRUE(first.Take(30));
  {
    QueueBudget::Share second(budget_);
    EXPECT_TRUE(second.Take(40));
    EXPECT_THAT(Told(), HasSubstr("taken 70\n"));
  }
  EXPECT_THAT(Told(), HasSubstr("taken 30\n"));
  first.Give(30);
  EXPECT_THAT(Told(), HasSubstr("taken 0\n"));
}

TEST_F(QueueBudgetTest, AStreamThatHasNothingIsLetIn) {
  QueueBudget::Share full(budget_), empty(budget_);
  EXPECT_TRUE(full.Take(500));
  EXPECT_TRUE(empty.Take(70));
}

TEST_F(QueueBudgetTest, WaitsForAnyStreamToMakeRoom) {
  // Many rounds: that nobody takes too early can only be seen by chance.
  for (int round = 0; round < 200; ++round) {
    QueueBudget::Share first(budget_), second(budget_);
    EXPECT_TRUE(first.Take(90));
    EXPECT_TRUE(second.Take(5));
    std::string told;
    std::thread waiting([&] {
      EXPECT_TRUE(second.Take(10));
      told = Told();
    });
    std::this_thread::yield();
    first.Give(90);  // the only way on
    waiting.join();
    ASSERT_THAT(told, HasSubstr("taken 15\n"));
  }
}

TEST_F(QueueBudgetTest, ClosingEndsTheWaitAndTakesNothing) {
  QueueBudget::Share first(budget_), second(budget_);
  EXPECT_TRUE(first.Take(90));
  EXPECT_TRUE(second.Take(5));
  std::optional<bool> taken;
  std::thread waiting([&] { taken = second.Take(10); });
  second.Close();
  waiting.join();
  EXPECT_EQ(taken, false);
  EXPECT_THAT(Told(), HasSubstr("taken 95\n"));
}

}  // namespace
}  // namespace vecferry::writer
