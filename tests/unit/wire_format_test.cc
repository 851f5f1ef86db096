#include <xxhash.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/convert/convert.h"
#include "common/core/record.h"
#include "common/pgcopy/tuple.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// The examples of docs/wire_format.md, read from the page.
namespace vecferry {
namespace {

std::string ReadPage() {
  std::ifstream file(VECFERRY_WIRE_FORMAT_PAGE);
  std::stringstream page;
  page << file.rdbuf();
  return page.str();
}

// A row of one of the page's tables: | `name` | values | `bytes` | remark |
struct Example {
  std::string name, values, hex;
};

std::vector<Example> ReadExamples(const std::string& page) {
  std::vector<Example> examples;
  for (absl::string_view line : absl::StrSplit(page, '\n')) {
    const std::vector<std::string> cells = absl::StrSplit(line, " | ");
    if (cells.size() < 3) continue;
    // Rows of prose have no bytes in their third cell.
    absl::string_view name = cells[0], bytes = cells[2];
    if (!absl::ConsumePrefix(&name, "| `") || !absl::ConsumeSuffix(&name, "`")) continue;
    if (!absl::ConsumePrefix(&bytes, "`") || !absl::ConsumeSuffix(&bytes, "`")) continue;
    examples.push_back({std::string(name), cells[1], absl::StrReplaceAll(bytes, {{" ", ""}})});
  }
  return examples;
}

core::Value ParseValue(absl::string_view text) {
  core::Value value;
  if (absl::ConsumePrefix(&text, "integer ")) {
    value.storage = core::StorageClass::kInteger;
    EXPECT_TRUE(absl::SimpleAtoi(text, &value.integer)) << text;
  } else if (absl::ConsumePrefix(&text, "real ")) {
    value.storage = core::StorageClass::kReal;
    EXPECT_TRUE(absl::SimpleAtod(text, &value.real)) << text;
  } else if (absl::ConsumePrefix(&text, "text '") && absl::ConsumeSuffix(&text, "'")) {
    value = core::Value(core::ValueView::Text(text));
  } else if (absl::ConsumePrefix(&text, "blob ")) {
    value = core::Value(core::ValueView::Blob(absl::HexStringToBytes(text)));
  } else {
    EXPECT_EQ(text, "NULL");
  }
  return value;
}

std::string Encode(const Example& example) {
  std::vector<core::Value> values;
  const bool is_list = example.name == "record" || example.name == "hash";
  if (is_list) {
    for (absl::string_view value : absl::StrSplit(example.values, ", ")) values.push_back(ParseValue(value));
  } else {
    values.push_back(ParseValue(example.values));
  }
  std::vector<core::ValueView> views;
  for (const core::Value& value : values) views.push_back(value.view());
  if (example.name == "record") return core::EncodeRecord(views);
  if (example.name == "hash") return core::HashRow(views).ToBytes();
  std::string out;
  if (example.name == "id") {
    convert::ToId(views[0], out);
    return out;
  }
  const auto type = core::ParsePgType(example.name);
  EXPECT_TRUE(type.ok()) << type.status();
  if (!type.ok()) return out;
  EXPECT_EQ(convert::Convert(views[0], *type, out).fidelity, convert::Fidelity::kExact) << example.values;
  return out;
}

TEST(WireFormatTest, ExamplesOfThePageHold) {
  const std::vector<Example> examples = ReadExamples(ReadPage());
  EXPECT_GT(examples.size(), 30u) << "the page is read";
  for (const Example& example : examples) {
    EXPECT_EQ(absl::BytesToHexString(Encode(example)), example.hex) << example.name << " of " << example.values;
  }
}

TEST(WireFormatTest, EveryTypeHasAnExample) {
  const std::vector<Example> examples = ReadExamples(ReadPage());
  for (int kind = 0; kind <= static_cast<int>(core::PgKind::kHalfvec); ++kind) {
    const std::string name = core::ToString({static_cast<core::PgKind>(kind)});
    const auto is_its = [&name](const Example& example) { return example.name == name; };
    EXPECT_TRUE(std::any_of(examples.begin(), examples.end(), is_its)) << name;
  }
}

// The tuple and the file of the page, with the remarks behind the bytes.
TEST(WireFormatTest, TupleIsThatOfThePage) {
  std::string tuple;
  pgcopy::TupleWriter row(tuple);
  row.BeginTuple(3);
  row.BeginField();
  row.buffer() += absl::HexStringToBytes("0000000000000102");
  row.EndField();
  row.Null();
  row.BeginField();
  row.EndField();
  std::string on_page;
  for (const char* part : {"0003 ", "00000008 0000000000000102 ", "ffffffff ", "00000000 "}) {
    EXPECT_THAT(ReadPage(), ::testing::HasSubstr(absl::StrCat("\n    ", part)));
    absl::StrAppend(&on_page, absl::StrReplaceAll(part, {{" ", ""}}));
  }
  EXPECT_EQ(absl::BytesToHexString(tuple), on_page);
  EXPECT_EQ(absl::BytesToHexString(pgcopy::FileHeader()), "5047434f50590aff0d0a000000000000000000");
  EXPECT_THAT(ReadPage(), ::testing::HasSubstr("5047434f50590aff0d0a00 00000000 00000000"));
}

TEST(WireFormatTest, ChecksumIsThatOfThePage) {
  EXPECT_THAT(ReadPage(), ::testing::HasSubstr(absl::StrCat("`", absl::Hex(XXH3_64bits("ferry", 5)), "`")));
}

}  // namespace
}  // namespace vecferry
