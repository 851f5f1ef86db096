#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/status_matchers.h"
#include "verifier/recall.h"

namespace vecferry::verifier {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsOk;
using ::testing::SizeIs;
using testing::StatusIs;

class QueryFileTest : public ::testing::Test {
 protected:
  ~QueryFileTest() override { std::filesystem::remove(path_); }

  absl::StatusOr<std::vector<std::vector<float>>> Read(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary) << bytes;
    return ReadQueries(path_);
  }

  void ExpectRefused(const std::string& bytes, const std::string& what) {
    EXPECT_THAT(Read(bytes), StatusIs(absl::StatusCode::kInvalidArgument, AllOf(HasSubstr(path_), HasSubstr(what))));
  }

  static std::string Fvec(std::int32_t dimension, const std::vector<float>& numbers) {
    std::string bytes(reinterpret_cast<const char*>(&dimension), sizeof(dimension));
    bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
    return bytes;
  }

  const std::string path_ = ::testing::TempDir() + "/queries." + std::to_string(getpid());
};

TEST_F(QueryFileTest, ReadsJson) {
  const auto queries = Read(" [[1, -2.5, 1e-3],\n [4]]\n");
  ASSERT_THAT(queries, IsOk());
  EXPECT_THAT(*queries, ElementsAre(ElementsAre(1, -2.5f, 1e-3f), ElementsAre(4)));
}

TEST_F(QueryFileTest, ReadsFvecs) {
  const auto queries = Read(Fvec(2, {0.5, -1}) + Fvec(1, {3}));
  ASSERT_THAT(queries, IsOk());
  EXPECT_THAT(*queries, ElementsAre(ElementsAre(0.5, -1), ElementsAre(3)));
}

TEST_F(QueryFileTest, TellsFvecsWhoseDimensionIsABracketFromJson) {
  const auto queries = Read(Fvec('[', std::vector<float>('[', 1)));
  ASSERT_THAT(queries, IsOk());
  EXPECT_THAT(*queries, ElementsAre(SizeIs('[')));
}

TEST_F(QueryFileTest, SaysWhereJsonIsWrong) {
  ExpectRefused("[[1, 2],\n [3, x]]", "line 2, column 6");
  ExpectRefused("[[1, 2], [3, \"4\"]]", "query 2, number 2: a number was expected, not string");
  ExpectRefused("[[1, 2], 3]", "query 2: an array of numbers was expected");
  ExpectRefused("[[1, 2], []]", "query 2: an array of numbers was expected");
  ExpectRefused("[[1], [1e39]]", "query 2, number 1: 1e+39 is beyond a float's range");
  ExpectRefused("[[1e999]]", "query");
  ExpectRefused("{\"queries\": []}", "no array of arrays of numbers");
  ExpectRefused("[]", "it holds no query");
  ExpectRefused("", "line 1, column 1");
}

TEST_F(QueryFileTest, SaysWhereFvecsAreWrong) {
  const std::string good = Fvec(2, {0.5, -1});
  ExpectRefused(good + std::string("\1\0", 2), "query 2 at byte 12: its dimension is cut off");
  ExpectRefused(good + Fvec(3, {1, 2}), "query 2 at byte 12: 3 numbers were expected, the file ends after 2");
  ExpectRefused(good + Fvec(0, {}), "query 2 at byte 12: its dimension is 0");
  ExpectRefused(good + Fvec(16001, {}), "its dimension is 16001, from 1 to 16000 was expected");
  ExpectRefused(good + Fvec(2, {1, INFINITY}), "byte 20 begins no finite number");
}

TEST_F(QueryFileTest, RefusesWhatIsNoFile) {
  EXPECT_THAT(ReadQueries("/nowhere/queries"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no such file")));
  EXPECT_THAT(ReadQueries("/"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no such file")));
  std::ofstream(path_) << "[]";
  std::filesystem::resize_file(path_, 64 * 1024 * 1024 + 1);
  EXPECT_THAT(ReadQueries(path_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("67108865 bytes, 67108864 at most")));
}

}  // namespace
}  // namespace vecferry::verifier
