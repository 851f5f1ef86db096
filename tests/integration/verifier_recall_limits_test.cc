#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/recall_fixture.h"
#include "tests/support/status_matchers.h"

// What recall cannot be measured of, or only in part; and what a measurement leaves alone.
namespace vecferry::verifier {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

TEST_F(RecallTest, TellsWhyAnIndexIsNotMeasured) {
  MakeTable("copy", "vector(48)", stored_);
  database_.Run("CREATE INDEX straight ON copy USING hnsw (embedding vector_l2_ops)");
  database_.Run("CREATE INDEX other ON copy USING hnsw (embedding vector_cosine_ops)");
  for (const auto& [index, why] :
       std::vector<std::pair<std::string, std::string>>{{"gone", "there is no index gone"},
                                                        {"straight", "searches cannot use index straight"},
                                                        {"copy_pkey", "searches cannot use index copy_pkey"}}) {
    Told told;
    ASSERT_THAT(MeasureRecall(Target("cosine", index), options_, Source("copy"), session_, told), IsOk());
    EXPECT_EQ(told.Check("recall_index@10").verdict, "skipped");
    EXPECT_THAT(told.Check("recall_index@10").evidence, HasSubstr(why));
    EXPECT_EQ(told.Check("recall_exact@10").verdict, "pass");
    ASSERT_THAT(told.recall, SizeIs(2));
    EXPECT_EQ(told.recall.front().index, -1);
    EXPECT_EQ(told.recall.front().by_index.p99, 0);
  }
}

TEST_F(RecallTest, CountsAllThatThereIsWhereThatIsLessThanK) {
  MakeTable("copy", "vector(48)", Vectors(stored_.begin(), stored_.begin() + 7));
  database_.Run("INSERT INTO copy VALUES (7, 1, NULL), (8, 2, NULL)");
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops)");
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, Source("copy", "vector", "embedding IS NOT NULL"),
                            session_, told_),
              IsOk());
  ASSERT_THAT(told_.recall, SizeIs(2));
  EXPECT_EQ(told_.recall.front().k, 10);
  EXPECT_EQ(told_.recall.back().k, 100);
  EXPECT_EQ(told_.recall.front().queries, 7);
  for (const char* name : {"recall_exact@10", "recall_index@10", "recall_exact@100", "recall_index@100"}) {
    EXPECT_EQ(told_.Check(name).actual, "1.0000") << name;
  }

  // A row that only the destination has takes the place of a true answer, however few there are.
  database_.Run("INSERT INTO copy SELECT 9, 1, embedding FROM copy WHERE id = 0");
  Told added;
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_,
                            Source("copy", "vector", "embedding IS NOT NULL AND id < 9"), session_, added),
              IsOk());
  EXPECT_EQ(added.Check("recall_exact@10").verdict, "fail");
}

TEST_F(RecallTest, LeavesZeroVectorsOutOfCosineSearches) {
  Vectors vectors(stored_.begin(), stored_.begin() + 9);
  for (int zero = 0; zero < 6; ++zero) vectors.insert(vectors.begin() + zero * 2, std::vector<float>(kDimension));
  MakeTable("copy", "vector(48)", vectors);
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops)");
  options_.own_queries = {std::vector<float>(kDimension)};
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, Source("copy"), session_, told_), IsOk());
  ASSERT_THAT(told_.recall, SizeIs(2));
  EXPECT_EQ(told_.recall.back().k, 100);
  EXPECT_EQ(told_.recall.back().queries, 9);
  EXPECT_EQ(told_.recall.back().exact, 1);
  EXPECT_EQ(told_.recall.back().index, 1);

  // A vector that became zero is an answer less.
  MakeTable("source", "vector(48)", vectors);
  database_.Run("UPDATE copy SET embedding = array_fill(0, ARRAY[48])::vector WHERE id = 14");
  Told damaged;
  ASSERT_THAT(MeasureRecall(Target("cosine"), options_, Source("source"), session_, damaged), IsOk());
  EXPECT_DOUBLE_EQ(damaged.recall.back().exact, 8.0 / 9);
}

TEST_F(RecallTest, SearchesHalfvec) {
  MakeTable("copy", "halfvec(48)", stored_);
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding halfvec_l2_ops)");
  RecallTarget target = Target("l2", "near");
  target.type.kind = core::PgKind::kHalfvec;
  options_.own_queries = asked_;
  options_.own_queries.push_back(std::vector<float>(kDimension, 1e5f));  // beyond halfvec
  options_.own_queries.push_back({1, 2, 3});                             // of another dimension
  ASSERT_THAT(MeasureRecall(target, options_, Source("copy", "halfvec"), session_, told_), IsOk());
  ASSERT_THAT(told_.recall, SizeIs(2));
  EXPECT_EQ(told_.recall.front().queries, 25 + 20);
  EXPECT_EQ(told_.recall.front().exact, 1);
  EXPECT_EQ(told_.recall.back().exact, 1);
  EXPECT_GT(told_.recall.front().index, 0.9);
}

TEST_F(RecallTest, SearchesOneSlice) {
  MakeTable("copy", "vector(48)", stored_);
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops) WHERE slice = 1");
  RecallTarget target = Target("cosine", "near");
  target.slice = "slice = 1";
  target.slice_condition = "\"slice\" = 1";
  ASSERT_THAT(MeasureRecall(target, options_, Source("copy", "vector", "slice = 1"), session_, told_), IsOk());
  EXPECT_EQ(told_.recall.front().exact, 1);
  EXPECT_GT(told_.recall.front().index, 0.9);
  EXPECT_EQ(told_.recall.front().slice, "slice = 1");
  EXPECT_THAT(
      told_.Check("recall_exact@10").evidence,
      AllOf(HasSubstr("25 of 333 vectors"), HasSubstr("embedding, slice = 1"), HasSubstr("WHERE \"slice\" = 1 ORDER")));
}

TEST_F(RecallTest, SkipsWhatHasNoVectors) {
  MakeTable("copy", "vector(48)", {});
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, Source("copy"), session_, told_), IsOk());
  EXPECT_THAT(told_.recall, IsEmpty());
  ASSERT_THAT(told_.checks, SizeIs(4));
  for (const core::CheckReport& check : told_.checks) {
    EXPECT_EQ(check.verdict, "skipped");
    EXPECT_THAT(check.evidence, HasSubstr("the source has no vectors"));
  }
}

TEST_F(RecallTest, FailsWhereTheDestinationIsEmpty) {
  MakeTable("source", "vector(48)", stored_);
  MakeTable("copy", "vector(48)", {});
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops)");
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, Source("source"), session_, told_), IsOk());
  EXPECT_EQ(told_.recall.front().exact, 0);
  EXPECT_EQ(told_.recall.front().index, -1);
  EXPECT_EQ(told_.Check("recall_exact@10").actual, "0.0000");
  EXPECT_EQ(told_.Check("recall_index@10").verdict, "skipped");
}

TEST_F(RecallTest, LeavesTheSessionAsItWas) {
  MakeTable("copy", "vector(48)", stored_);
  database_.Run("CREATE INDEX near ON copy USING hnsw (embedding vector_cosine_ops)");
  const ForEachVector source = Source("copy");
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, source, session_, told_), IsOk());
  EXPECT_FALSE(session_.in_transaction());

  ASSERT_THAT(
      session_.ExecuteScript("BEGIN; CREATE TABLE mine (); SET LOCAL hnsw.ef_search = 77; SET LOCAL enable_sort = off"),
      IsOk());
  ASSERT_THAT(MeasureRecall(Target("cosine", "near"), options_, source, session_, told_), IsOk());
  EXPECT_THAT(told_.checks.at(5).evidence, HasSubstr("hnsw.ef_search 77"));
  RecallTarget wrong = Target("cosine");
  wrong.column = "no_such_column";
  EXPECT_FALSE(MeasureRecall(wrong, options_, source, session_, told_).ok());
  EXPECT_TRUE(session_.in_transaction());
  const auto settings = session_.Execute(
      "SELECT current_setting('hnsw.ef_search'), current_setting('enable_sort'), current_setting('enable_seqscan'), "
      "current_setting('enable_indexscan'), to_regclass('mine') IS NOT NULL");
  ASSERT_THAT(settings, IsOk());
  EXPECT_EQ(settings->text(0, 0), "77");
  EXPECT_EQ(settings->text(0, 1), "off");
  EXPECT_EQ(settings->text(0, 2), "on");
  EXPECT_EQ(settings->text(0, 3), "on");
  EXPECT_TRUE(settings->truth(0, 4));
}

TEST_F(RecallTest, RefusesWhatItCannotMeasure) {
  const ForEachVector none = [](const auto&) { return absl::OkStatus(); };
  EXPECT_THAT(MeasureRecall(Target("hamming"), options_, none, session_, told_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("hamming")));
  options_.ks = {0};
  EXPECT_THAT(MeasureRecall(Target("l2"), options_, none, session_, told_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("above 0")));
  options_.ks = {10};
  const ForEachVector failing = [](const auto&) { return absl::UnavailableError("the source is away"); };
  EXPECT_THAT(MeasureRecall(Target("l2"), options_, failing, session_, told_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("the source is away")));
  EXPECT_THAT(told_.checks, IsEmpty());
}

}  // namespace
}  // namespace vecferry::verifier
