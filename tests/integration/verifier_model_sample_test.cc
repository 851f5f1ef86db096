#include <cstring>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/status_matchers.h"
#include "tests/support/told_findings.h"
#include "verifier/model_sample.h"

namespace vecferry::verifier {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

std::string Canonical(const std::vector<float>& numbers) {
  std::string bytes = {'\0', static_cast<char>(numbers.size()), '\0', '\0'};
  for (const float number : numbers) {
    std::uint32_t bits;
    std::memcpy(&bits, &number, sizeof(bits));
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(bits >> shift);
  }
  return bytes;
}

class ModelSampleTest : public ::testing::Test {
 protected:
  Embedder Model(const std::string& name, const std::string& behaviour = "v1") {
    return *Embedder::Create(
        {.url = absl::StrCat(service_.address(), "/", behaviour), .model = name, .attempts_max = 1});
  }

  // 50 texts and what the model "right" makes of each after `prefix`, cut to `dimension` numbers and scaled.
  std::vector<TextAndVector> Sample(const std::string& prefix = "", std::size_t dimension = 64) {
    std::vector<std::string> texts, prefixed;
    for (int i = 0; i < 50; ++i) texts.push_back(absl::StrCat("note ", i, " of ", i * i, " words"));
    for (const std::string& text : texts) prefixed.push_back(prefix + text);
    const auto vectors = Model("right").Embed(prefixed);
    std::vector<TextAndVector> sample;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::vector<float> vector = vectors->at(i);
      vector.resize(dimension);
      for (float& number : vector) number = number * 3 + 1e-4f;  // as other hardware rounds, and of another length
      sample.push_back({texts[i], Canonical(vector), absl::StrCat("{\"id\": ", i, "}")});
    }
    return sample;
  }

  testing::FakeEmbedder service_;
  ModelSampleOptions options_ = {.table = "notes", .column = "embedding", .type = {core::PgKind::kVector, 64}};
  testing::ToldFindings told_;
};

TEST_F(ModelSampleTest, PassesTheModelThatMadeTheVectors) {
  Embedder right = Model("right");
  ASSERT_THAT(CheckModelSample(Sample(), options_, right, told_), IsOk());
  const core::CheckReport& check = told_.Check("model_sample");
  EXPECT_EQ(check.verdict, "pass");
  EXPECT_EQ(check.table, "notes");
  EXPECT_EQ(check.expected, "every cosine >= 0.99");
  EXPECT_EQ(check.actual, "median 0.9999, least 0.9999");
  EXPECT_EQ(check.evidence, absl::StrCat("50 texts embedded by right at ", service_.address(),
                                         "/v1/embeddings and compared with embedding"));
  EXPECT_THAT(told_.differences, IsEmpty());
}

TEST_F(ModelSampleTest, FailsAnotherModelOfTheSameDimension) {
  Embedder wrong = Model("wrong");
  ASSERT_THAT(CheckModelSample(Sample(), options_, wrong, told_), IsOk());
  EXPECT_EQ(told_.Check("model_sample").verdict, "fail");
  ASSERT_THAT(told_.differences, SizeIs(20));
  EXPECT_EQ(told_.differences_more, 30);
  EXPECT_EQ(told_.differences.front().kind, "signature");
  EXPECT_EQ(told_.differences.front().key, "{\"id\": 0}");
  EXPECT_EQ(told_.differences.front().columns, "embedding");
  EXPECT_THAT(told_.differences.front().detail,
              AllOf(HasSubstr("that wrong makes"), HasSubstr("at least 0.99 was expected")));
}

TEST_F(ModelSampleTest, NamesTheRowWhoseVectorIsOfAnotherText) {
  std::vector<TextAndVector> sample = Sample();
  sample[7].vector = sample[8].vector;
  sample[9].vector = Canonical(std::vector<float>(64));
  Embedder right = Model("right");
  ASSERT_THAT(CheckModelSample(sample, options_, right, told_), IsOk());
  EXPECT_EQ(told_.Check("model_sample").verdict, "fail");
  EXPECT_EQ(told_.Check("model_sample").actual, "median 0.9999, least 0.0000");
  ASSERT_THAT(told_.differences, SizeIs(2));
  EXPECT_EQ(told_.differences.front().key, "{\"id\": 7}");
  EXPECT_EQ(told_.differences.back().key, "{\"id\": 9}");
  options_.cosine_min = -1;
  testing::ToldFindings lenient;
  ASSERT_THAT(CheckModelSample(sample, options_, right, lenient), IsOk());
  EXPECT_EQ(lenient.Check("model_sample").verdict, "pass");
}

TEST_F(ModelSampleTest, PutsThePrefixBeforeTheTexts) {
  options_.prefix = "search_document: ";
  Embedder right = Model("right");
  ASSERT_THAT(CheckModelSample(Sample(options_.prefix), options_, right, told_), IsOk());
  EXPECT_EQ(told_.Check("model_sample").verdict, "pass");
  EXPECT_THAT(told_.Check("model_sample").evidence, HasSubstr("each after \"search_document: \""));
  options_.prefix = "";
  testing::ToldFindings without;
  ASSERT_THAT(CheckModelSample(Sample("search_document: "), options_, right, without), IsOk());
  EXPECT_EQ(without.Check("model_sample").verdict, "fail");
}

TEST_F(ModelSampleTest, CutsLongerVectorsToTheStoredDimension) {
  options_.type.dimension = 24;
  Embedder right = Model("right");
  ASSERT_THAT(CheckModelSample(Sample("", 24), options_, right, told_), IsOk());
  EXPECT_EQ(told_.Check("model_sample").verdict, "pass");
  EXPECT_THAT(told_.Check("model_sample").evidence, HasSubstr("the first 24 of the model's 64 numbers, renormalised"));
}

TEST_F(ModelSampleTest, RefusesShorterVectors) {
  options_.type.dimension = 100;
  Embedder right = Model("right");
  EXPECT_THAT(CheckModelSample(Sample("", 100), options_, right, told_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("model right"),
                             HasSubstr("gives vectors of 64 numbers, notes.embedding holds vector(100)"))));
  EXPECT_THAT(told_.checks, IsEmpty());
}

TEST_F(ModelSampleTest, LeavesEmptyTextsOut) {
  std::vector<TextAndVector> sample = Sample();
  sample[3].text = " \n";
  Embedder right = Model("right");
  ASSERT_THAT(CheckModelSample(sample, options_, right, told_), IsOk());
  EXPECT_THAT(told_.Check("model_sample").evidence,
              AllOf(HasSubstr("49 texts"), HasSubstr("1 rows without a text left out")));
  testing::ToldFindings none;
  ASSERT_THAT(CheckModelSample({}, options_, right, none), IsOk());
  EXPECT_EQ(none.Check("model_sample").verdict, "skipped");
}

TEST_F(ModelSampleTest, PassesOnWhatTheEmbedderSays) {
  Embedder failing = Model("right", "fails");
  EXPECT_THAT(CheckModelSample(Sample(), options_, failing, told_),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("out of order")));
  std::vector<TextAndVector> sample = Sample();
  sample[5].vector = "nonsense";
  Embedder right = Model("right");
  EXPECT_THAT(CheckModelSample(sample, options_, right, told_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("8 bytes")));
  EXPECT_THAT(told_.checks, IsEmpty());
}

}  // namespace
}  // namespace vecferry::verifier
