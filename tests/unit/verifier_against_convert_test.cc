// The verifier's statement of the conversions against the copy's: two programs that share no line must agree on every
// value. VECFERRY_TEST_SEED=N replays a run.
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "common/convert/convert.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/random_texts.h"
#include "tests/support/reading.h"

namespace vecferry::verifier {
namespace {

using core::PgKind;
using core::Value;
using core::ValueView;

constexpr int kValues = 30'000;

const std::vector<core::PgType>& Types() {
  static const std::vector<core::PgType>& types = *new std::vector<core::PgType>{
      {PgKind::kBool},      {PgKind::kInt2},      {PgKind::kInt4},      {PgKind::kInt8},        {PgKind::kFloat8},
      {PgKind::kNumeric},   {PgKind::kText},      {PgKind::kBytea},     {PgKind::kUuid},        {PgKind::kTimestamptz},
      {PgKind::kJsonb},     {PgKind::kTextArray}, {PgKind::kUuidArray}, {PgKind::kVector},      {PgKind::kVector, 3},
      {PgKind::kHalfvec},   {PgKind::kHalfvec, 3}};
  return types;
}

std::string Described(const ValueView& value) {
  switch (value.storage) {
    case core::StorageClass::kNull: return "NULL";
    case core::StorageClass::kInteger: return absl::StrCat("integer ", value.integer);
    case core::StorageClass::kReal: return absl::StrFormat("real %.17g", value.real);
    case core::StorageClass::kText: return absl::StrCat("text '", absl::CHexEscape(value.bytes.substr(0, 300)), "'");
    case core::StorageClass::kBlob: return absl::StrCat("blob ", absl::BytesToHexString(value.bytes.substr(0, 100)));
  }
  return "";
}

Reading::Result ResultOf(convert::Fidelity fidelity) {
  switch (fidelity) {
    case convert::Fidelity::kExact: return Reading::Result::kExact;
    case convert::Fidelity::kRounded: return Reading::Result::kRounded;
    case convert::Fidelity::kRepaired: return Reading::Result::kRepaired;
    case convert::Fidelity::kNull: return Reading::Result::kNull;
    case convert::Fidelity::kUnfit: return Reading::Result::kUnfit;
  }
  return Reading::Result::kNull;
}

// What the copy makes of a value, in canonical form; "damaged" when it is no such field.
std::string Copied(const convert::Outcome& outcome, const core::PgType& type, const std::string& field) {
  const Reading reading{ResultOf(outcome.fidelity), outcome.kind};
  if (reading.result == Reading::Result::kNull || reading.result == Reading::Result::kUnfit) {
    return testing::Shown(reading, type.kind, field);
  }
  if (type.kind == PgKind::kJsonb) {
    // The copy leaves it to Postgres to choose among equal keys.
    std::string canonical;
    const Reading json = ReadValue(ValueView::Text(absl::string_view(field).substr(1)), type, canonical);
    const bool good = json.result == Reading::Result::kExact || json.kind == "duplicate_json_key";
    return good ? testing::Shown(reading, type.kind, canonical) : "damaged";
  }
  std::string buffer;
  const auto canonical = CanonicalField(type, field, buffer);
  return canonical.ok() ? testing::Shown(reading, type.kind, *canonical) : "damaged";
}

// An exponent of ten digits or more, which Postgres refuses to read.
bool HasHugeExponent(absl::string_view text) {
  for (std::size_t at = text.find_first_of("eE"); at != absl::string_view::npos; at = text.find_first_of("eE", at + 1)) {
    std::size_t digits = at + 1;
    if (digits < text.size() && (text[digits] == '-' || text[digits] == '+')) ++digits;
    const std::size_t end = std::min(text.find_first_not_of("0123456789", digits), text.size());
    if (end >= digits + 10) return true;
  }
  return false;
}

// Where the copy does not follow docs/conversions.md: integers beyond 64 bits are no `out_of_range` to it; numbers with a
// huge exponent are none to it; a small real as numeric gets a zero more than its shortest digits; a float32's shortest
// digits are rounded to it when they are an integer of eight digits or more.
bool IsKnown(const core::PgType& type, const ValueView& value, const std::string& read, const std::string& copied) {
  const bool is_text = value.storage == core::StorageClass::kText;
  switch (type.kind) {
    case PgKind::kInt2:
    case PgKind::kInt4:
    case PgKind::kInt8: return read == "unfit out_of_range" && copied == "unfit wrong_type";
    case PgKind::kFloat8: return is_text && HasHugeExponent(value.bytes);
    case PgKind::kNumeric:
      return is_text ? HasHugeExponent(value.bytes)
                     : value.storage == core::StorageClass::kReal && copied == read + "0";
    case PgKind::kVector:
    case PgKind::kHalfvec: return is_text && (HasHugeExponent(value.bytes) || copied == "rounded " + read);
    default: return false;
  }
}

void ExpectAgreement(const ValueView& value) {
  for (const core::PgType& type : Types()) {
    std::string field;
    const convert::Outcome outcome = convert::Convert(value, type, field);
    const std::string read = testing::Read(type, value), copied = Copied(outcome, type, field);
    if (IsKnown(type, value, read, copied)) continue;
    EXPECT_EQ(read, copied) << core::ToString(type) << " of " << Described(value);
  }
  std::string id, field;
  const Reading reading = ReadId(value, id);
  EXPECT_EQ(testing::Shown(reading, PgKind::kUuid, id), Copied(convert::ToId(value, field), {PgKind::kUuid}, field))
      << "id of " << Described(value);
}

void ExpectAgreementOnTextArray(const ValueView& value, std::size_t element_bytes_max) {
  std::string canonical, field, buffer;
  std::vector<std::string> moved, moved_by_copy;
  const Reading reading = ReadTextArray(value, element_bytes_max, canonical, &moved);
  const convert::Outcome outcome = convert::ToTextArray(value, element_bytes_max, field, &moved_by_copy);
  EXPECT_EQ(testing::Shown(reading, PgKind::kTextArray, canonical), Copied(outcome, {PgKind::kTextArray}, field))
      << Described(value) << " up to " << element_bytes_max;
  if (reading.result == Reading::Result::kUnfit) return;
  EXPECT_EQ(moved, moved_by_copy) << Described(value);
}

// Values of all storage classes, most of them of some use for one type or another.
class Values {
 public:
  Value Next() {
    switch (random_.Below(8)) {
      case 0: return Value(ValueView::Integer(Integer()));
      case 1: return Value(ValueView::Real(Real()));
      case 2: return Value(ValueView::Blob(Blob()));
      default: return Value(ValueView::Text(Text()));
    }
  }
  std::string Strings() { return Damaged(random_.JsonStrings(random_.Below(5) == 0)); }
  std::uint64_t Below(std::uint64_t end) { return random_.Below(end); }

 private:
  std::int64_t Near(std::int64_t number) { return number + static_cast<std::int64_t>(random_.Below(5)) - 2; }

  std::int64_t Integer() {
    if (random_.Below(3) == 0) return static_cast<std::int64_t>(random_.Bits()) >> random_.Below(64);
    const std::int64_t number = Near(random_.Pick<std::int64_t>(
        {0, 32768, 2147483648, 100'000'000'000, 211'813'488'000, 1'700'000'000, 9007199254740992, 1'700'000'000'000,
         9'223'371'331'200, 9'224'318'016'000, 9'224'318'016'000'000, 210'866'803'200'000, 4'611'686'018'427'387'904}));
    return random_.Below(2) == 0 ? number : -number;
  }

  // SQLite has no NaN: it stores NULL for it.
  double Real() {
    const double number = AnyReal();
    return std::isnan(number) ? 0 : number;
  }

  double AnyReal() {
    switch (random_.Below(6)) {
      case 0: return std::bit_cast<double>(random_.Bits());
      case 1: return static_cast<double>(Integer());
      case 2: return static_cast<double>(Integer()) + random_.Pick({0.5, 0.25, 0.1, 1e-7});
      case 3: return static_cast<double>(Integer()) / random_.Pick({10.0, 1000.0, 3.0, 1e6, 1e7, 1e9});
      case 4:
        return random_.Pick({0.0, -0.0, 1.0, -1.0, 0.1, 1e15, 1e-5, 123456789012345680.0, 1e308, 5e-324, 1e16,
                             std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                             9223372036854775808.0, -9223372036854775808.0, 99999999999.9999, -1e11, 0.0000005});
      default: return static_cast<double>(random_.Floats(1)[0]);
    }
  }

  std::string Floats() {
    std::string blob;
    const std::uint64_t size = random_.Below(500) == 0 ? 16'000 + random_.Below(2) : random_.Below(6);
    for (float number : random_.Floats(size)) {
      if (random_.Below(4) == 0) number *= random_.Pick({1000.0f, 1e-6f, 65504.0f, 0.0f});
      if (random_.Below(60) == 0) number = random_.Pick({INFINITY, -NAN, 65519.0f, 65520.0f, 0x1p-25f, 0x3p-25f});
      char bytes[sizeof(number)];
      std::memcpy(bytes, &number, sizeof(number));
      blob.append(bytes, sizeof(bytes));
    }
    return blob;
  }

  std::string Blob() {
    switch (random_.Below(5)) {
      case 0: return Text();
      case 1: return Floats().append(random_.Below(4), 'x');
      case 2: return std::string(16, static_cast<char>(random_.Bits()));
      default: return Floats();
    }
  }

  std::string NumberList() {
    std::vector<std::string> numbers;
    for (std::uint64_t left = random_.Below(5); left > 0; --left) {
      std::string number = random_.Below(3) == 0 ? random_.Json(0) : random_.Number(random_.Pick({2, 9, 30}));
      if (random_.Below(8) == 0) {
        number = random_.Pick({"1e39", "-1e-50", "65519.9999999", "65520", "3.4028236e38", "1.00048828125", "0.1", "-0",
                               "3.4028235677973366e38", "0.099975586", "0.0999755859375", "1e400", "5.960464477539063e-8",
                               "2.98e-8", "2.9802322387695312e-8", "1.401298464324817e-45", "7e-46"});
      }
      numbers.push_back(number);
    }
    return absl::StrCat("[", absl::StrJoin(numbers, random_.Pick({",", " , "})), "]");
  }

  std::string OddTime() {
    std::string time = random_.Time();
    if (random_.Below(4) == 0) time.replace(0, 4, random_.Pick({"0000", "-0001", "+12024", "-4713", "+294276", "-4714",
                                                                "+294277", "+123456789", "+1234567890", "+024"}));
    if (random_.Below(4) == 0) {
      time += random_.Pick({".0000005", ".1234565", ".12345650001", ".999999501", "Z", "z", "-00:00", "+23:59", "+24:00",
                            "+15", "+5", " +01:00", " UTC", ".", ",5", "+01:0", "+1:00", "+01:", "+-1", ".5e1"});
    }
    if (random_.Below(20) == 0) time = absl::StrCat(" ", time, "\n");
    return random_.Below(3) == 0 ? random_.Mutate(time, "0123456789-+:.TtZz 6") : time;
  }

  std::string OddText() {
    return std::string(random_.Pick<absl::string_view>(
        {"", " ", "\n\t", "NaN", "nan", "+NaN", "-nan", "inf", "-Infinity", "+inf", "infinit", "1e400", "1e-400", "-1e-400",
         "4.9e-324", "2e-324", "2.5e-324", "1e1073741822", "1e1073741823", "0e1073741822", "0e1073741823", "0e99999999999",
         "-0", "-0.0", "0x10", "1_000", "1e", "1e+", ".", "5.", ".5", "+.5", "1 e5", "1e131071", "1e131072", "1e-16383",
         "1e-16384", "0e-16384", "now", "infinity", "epoch", "1700000000", "[1e200000]", "{\"a\":1,\"a\":2}", "[[]]",
         "{\"a\":{\"a\":1},\"a\":2}", "{\"a\":{\"b\":1,\"b\":2},\"a\":2}", "\"\\u0000\"", "[\"\\ud800\\udc00\"]",
         "[null]", "{}", "[1e1073741823]", "[0e1073741823]", "[0e1073741822]", "\xef\xbb\xbf{}", "9007199254740993",
         "0.1000000000000000055511151231257827021181583404541015625", "0.30000000000000004", "9223372036854775808"}));
  }

  std::string Text() {
    switch (random_.Below(14)) {
      case 0: return Damaged(random_.Boolean());
      case 1: return Damaged(random_.Integer());
      case 2: return Damaged(random_.Number(9));
      case 3: return Damaged(random_.Number(random_.Below(100) == 0 ? 20'000 : 40));
      case 4: return Damaged(random_.Utf8() + random_.Utf8());
      case 5: return Damaged(random_.Uuid());
      case 6: return OddTime();
      case 7: return Damaged(OddTime());
      case 8: return Strings();
      case 9: return Damaged(NumberList());
      case 10: return Damaged(OddText());
      case 11: return absl::StrCat(Integer());
      default: return Damaged(random_.Json(4));
    }
  }

  // `text`, one time in three with some odd bytes.
  std::string Damaged(std::string text) {
    if (random_.Below(3) != 0) return text;
    for (std::uint64_t left = 1 + random_.Below(2); left > 0; --left) {
      const std::size_t at = random_.Below(text.size() + 1);
      if (random_.Below(3) == 0 && at < text.size()) text.erase(at, 1);
      text.insert(at, random_.Pick<std::string>(
                          {std::string(1, '\0'), "\xff", "\xe2\x82", "\xc3", "\x80", "\xf0\x9f", "\xed\xa0\x80", " ",
                           "\\u0000", "\\ud83d", "\\udc00", "\\", "\"", "[", "]", "{", "}", ",", ":", "0", "-", "e", ".",
                           "\n", "\x01", "\x7f", "null", "\"a\":1,", "\v"}));
    }
    return text;
  }

  testing::RandomTexts random_;
};

TEST(VerifierAgainstConvertTest, AgreesOnValuesOfEveryClassInEveryType) {
  ExpectAgreement(ValueView::Null());
  Values values;
  for (int left = kValues; left > 0 && !HasFailure(); --left) ExpectAgreement(values.Next().view());
}

TEST(VerifierAgainstConvertTest, AgreesOnWhichElementsMove) {
  Values values;
  for (int left = kValues; left > 0 && !HasFailure(); --left) {
    const std::string strings = values.Strings();
    ExpectAgreementOnTextArray(ValueView::Text(strings), 1 + values.Below(6));
  }
}

TEST(VerifierAgainstConvertTest, AgreesOnNestingAndSize) {
  for (const std::size_t levels : {9'999, 10'000, 10'001, 20'000}) {
    const std::string open(levels, '['), close(levels, ']');
    ExpectAgreement(ValueView::Text(open + close));
    ExpectAgreement(ValueView::Text(open));
    ExpectAgreement(ValueView::Text(open + close + "]"));
    ExpectAgreement(ValueView::Text(absl::StrCat("{\"a\":", open, close, "}")));
  }
  for (const std::size_t components : {15'999, 16'000, 16'001}) {
    ExpectAgreement(ValueView::Blob(std::string(components * sizeof(float), '\1')));
    ExpectAgreement(ValueView::Blob(std::string(components * sizeof(float) + 1, '\xff')));
    ExpectAgreement(ValueView::Text(absl::StrCat("[0", std::string((components - 1) * 2, ' '), "]")));
  }
}

}  // namespace
}  // namespace vecferry::verifier
