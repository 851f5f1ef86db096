#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_embedder.h"
#include "tests/support/status_matchers.h"
#include "verifier/embedder.h"

namespace vecferry::verifier {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::Not;
using ::testing::SizeIs;
using testing::StatusIs;

class EmbedderTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::vector<std::vector<float>>> Embed(const std::string& path,
                                                        const std::vector<std::string>& texts = {"red fox",
                                                                                                 "blue sea"}) {
    options_.url = absl::StrCat(service_.address(), path);
    absl::StatusOr<Embedder> embedder = Embedder::Create(options_);
    if (!embedder.ok()) return embedder.status();
    return embedder->Embed(texts);
  }

  void ExpectRefused(const std::string& behaviour, const std::string& what) {
    EXPECT_THAT(Embed(behaviour),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(absl::StrCat(service_.address(), behaviour)), HasSubstr(what))));
  }

  testing::FakeEmbedder service_;
  EmbedderOptions options_ = {.model = "right", .wait = absl::Milliseconds(1)};
};

TEST_F(EmbedderTest, TakesABaseOrAWholeAddress) {
  const auto vectors = Embed("/v1");
  ASSERT_THAT(vectors, IsOk());
  ASSERT_THAT(*vectors, SizeIs(2));
  EXPECT_THAT(vectors->front(), SizeIs(64));
  EXPECT_NE(vectors->front(), vectors->back());
  for (const std::string path : {"/v1/", "/v1/embeddings", "/backwards", "/without-index"}) {
    const auto same = Embed(path);
    ASSERT_THAT(same, IsOk()) << path;
    EXPECT_EQ(*same, *vectors) << path;
  }
}

TEST_F(EmbedderTest, AsksInParts) {
  options_.texts_per_call_max = 3;
  std::vector<std::string> texts;
  for (int i = 0; i < 10; ++i) texts.push_back(absl::StrCat("text ", i, " \"\\\n\xff"));
  const auto vectors = Embed("/v1", texts);
  ASSERT_THAT(vectors, IsOk());
  options_.texts_per_call_max = 32;
  EXPECT_EQ(*vectors, *Embed("/v1", texts));
  EXPECT_THAT(*Embed("/v1", {}), SizeIs(0));
}

TEST_F(EmbedderTest, AsksAgainWhereAServerFails) {
  options_.attempts_max = 3;
  EXPECT_THAT(Embed("/fails-twice"), IsOk());
  options_.attempts_max = 2;
  EXPECT_THAT(Embed("/fails-twice/anew"),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("no answer in 2 attempts: HTTP status 500, not yet"), HasSubstr("start it"))));
  EXPECT_THAT(Embed("/busy"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("HTTP status 429, too many")));
}

TEST_F(EmbedderTest, SaysThatNobodyAnswers) {
  service_.Stop();
  EXPECT_THAT(Embed("/v1"), StatusIs(absl::StatusCode::kUnavailable,
                                     AllOf(HasSubstr("4 attempts: Couldn't connect"), HasSubstr(service_.address()))));
}

TEST_F(EmbedderTest, WaitsNoLongerThanItsTimeout) {
  options_.timeout = absl::Milliseconds(50);
  options_.attempts_max = 2;
  EXPECT_THAT(Embed("/never"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Timeout was reached")));
}

TEST_F(EmbedderTest, StopsWhenItIsTo) {
  int looks = 0, looks_max = 3;
  options_.stopping = [&] { return ++looks > looks_max; };
  EXPECT_THAT(Embed("/never"), StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));

  // In the wait after an answer: one second more than the call itself looks.
  looks_max = 1000;
  options_.attempts_max = 1;
  looks = 0;
  EXPECT_THAT(Embed("/busy"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("429")));
  looks_max = looks + 10;
  looks = 0;
  options_.attempts_max = 2;
  options_.wait = options_.wait_max = absl::Minutes(10);
  EXPECT_THAT(Embed("/busy"), StatusIs(absl::StatusCode::kCancelled, HasSubstr("stopped")));
}

TEST_F(EmbedderTest, SendsItsKey) {
  ExpectRefused("/key", "HTTP status 401, {\"error\": \"no key\"}; set VECFERRY_EMBEDDER_KEY to its key");
  options_.key = "secret";
  EXPECT_THAT(Embed("/key"), IsOk());
}

TEST_F(EmbedderTest, SaysWhatIsWrongWithAnAnswer) {
  ExpectRefused("/unknown-model",
                "HTTP status 404, {\"error\": \"no model right\"}; check its address and the model's name, right");
  ExpectRefused("/moved", "HTTP status 302");
  ExpectRefused("/garbage", "<html>hello</html>, but this is no JSON");
  ExpectRefused("/no-data", "no array \"data\"");
  ExpectRefused("/few", "these are 1 vectors for 2 texts");
  ExpectRefused("/first-twice", "entry 1 of \"data\" has no index of its own below 2");
  ExpectRefused("/uneven", "different dimensions");
  ExpectRefused("/words", "number 1 of the vector of text 0 is no finite number");
  options_.answer_bytes_max = 10000;
  ExpectRefused("/huge", "more than 10000 bytes");
}

TEST_F(EmbedderTest, RefusesWhatIsNoAddress) {
  EmbedderOptions options{.url = "file:///etc/passwd", .model = "right"};
  EXPECT_THAT(Embedder::Create(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("http://")));
  options = {.url = "http://127.0.0.1", .model = ""};
  EXPECT_THAT(Embedder::Create(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("which model")));
}

TEST_F(EmbedderTest, PrintsNoSecrets) {
  for (const auto& [url, printed] : std::vector<std::pair<std::string, std::string>>{
           {"https://me:pass@host:8/v1?api-key=abc", "https://host:8/v1/embeddings"},
           {"http://host/v1/embeddings?api-version=2#x", "http://host/v1/embeddings"},
           {"http://host", "http://host/embeddings"}}) {
    EXPECT_EQ(Embedder::Create({.url = url, .model = "right"})->address(), printed);
  }
}

}  // namespace
}  // namespace vecferry::verifier
