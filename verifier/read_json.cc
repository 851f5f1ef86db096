#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "verifier/bytes.h"
#include "verifier/canonical_json.h"
#include "verifier/decimal_text.h"
#include "verifier/json_tokens.h"
#include "verifier/read_rules.h"
#include "verifier/real_text.h"
#include "verifier/utf8_walk.h"
#include "verifier/uuid_text.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;
using Kind = JsonToken::Kind;

// A source text, without its NULs.
class JsonText {
 public:
  explicit JsonText(absl::string_view text) : text_(text) {
    if (text.find('\0') == absl::string_view::npos) return;
    stripped_ = std::string(text);
    stripped_.erase(std::remove(stripped_.begin(), stripped_.end(), '\0'), stripped_.end());
    text_ = stripped_;
    had_nul_ = true;
  }
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;

  absl::string_view text() const { return text_; }
  bool had_nul() const { return had_nul_; }

 private:
  std::string stripped_;
  absl::string_view text_;
  bool had_nul_ = false;
};

// An element of a JSON array.
struct Element {
  enum class Type { kNull, kString, kOther };
  Type type = Type::kNull;
  absl::string_view text;  // the string, or the JSON text of another value: cleaned
  bool nul = false, invalid_utf8 = false;
};

// Calls `take` with each element of the array that `json` is, until it returns a fault. Returns that, why there is no
// array, or "".
template <typename Take>
absl::string_view ForEachElement(absl::string_view json, const Take& take) {
  JsonTokens tokens(json);
  bool is_array = false;
  std::size_t other_begin = 0;
  std::string cleaned;
  const auto take_other = [&](std::size_t begin, std::size_t end) -> absl::string_view {
    cleaned.clear();
    const TextFaults faults = AppendCleaned(json.substr(begin, end - begin), cleaned);
    return take(Element{Element::Type::kOther, cleaned, faults.nul, faults.invalid_utf8});
  };
  for (bool first = true;; first = false) {
    const JsonToken token = tokens.Next();
    if (token.kind == Kind::kEnd) return is_array ? "" : "not_an_array";
    if (token.kind == Kind::kInvalid) return "invalid_json";
    if (first) is_array = token.kind == Kind::kBeginArray;
    if (!is_array || first) continue;
    const bool begins = token.kind == Kind::kBeginArray || token.kind == Kind::kBeginObject;
    const bool ends = token.kind == Kind::kEndArray || token.kind == Kind::kEndObject;
    if (begins && tokens.level() == 2) other_begin = token.begin;
    absl::string_view fault;
    if (ends && tokens.level() == 1) fault = take_other(other_begin, token.end);
    if (!begins && !ends && tokens.level() == 1) {
      const bool repaired = token.nul_escape || token.lone_surrogate;
      fault = token.kind == Kind::kNull ? take(Element{})
              : token.kind == Kind::kString
                  ? take(Element{Element::Type::kString, token.text, repaired, token.invalid_utf8})
                  : take_other(token.begin, token.end);
    }
    if (!fault.empty()) return fault;
  }
}

// Both return that there is no fault.
absl::string_view AppendNull(std::string& out) {
  out.push_back('\0');
  return "";
}
absl::string_view AppendElement(absl::string_view bytes, std::string& out) {
  out.push_back('\1');
  AppendNetwork(static_cast<std::uint32_t>(bytes.size()), out);
  out.append(bytes.data(), bytes.size());
  return "";
}

}  // namespace

Reading ReadJsonb(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kInteger: absl::StrAppend(&out, value.integer); return Exact();
    case StorageClass::kReal:
      if (!std::isfinite(value.real)) return WrongType();
      AppendNumeric(*ParseDecimal(SqliteText(value.real)), out);
      return Exact();
    case StorageClass::kText: break;
    default: return WrongType();
  }
  const JsonText json(value.bytes);
  const JsonOutcome outcome = AppendCanonicalJson(json.text(), kJsonLevelsMax, out);
  if (outcome.invalid) return Unfit("invalid_json");
  if (outcome.too_deep) return Unfit("json_too_deep");
  if (json.had_nul()) return Repaired("nul_in_text");
  if (outcome.invalid_utf8) return Repaired("invalid_utf8");
  if (outcome.not_jsonb) return Repaired("json_not_jsonb");
  return outcome.duplicate_key ? Repaired("duplicate_json_key") : Exact();
}

Reading ReadTextArray(const core::ValueView& value, std::size_t element_bytes_max, std::string& out,
                      std::vector<std::string>* moved) {
  if (value.is_null()) return {Reading::Result::kNull};
  if (value.storage != StorageClass::kText) return WrongType();
  const JsonText json(value.bytes);
  const std::size_t begin = out.size();
  bool nul = json.had_nul(), invalid_utf8 = false, not_text = false, too_long = false;
  const absl::string_view fault = ForEachElement(json.text(), [&](const Element& element) -> absl::string_view {
    if (element.type == Element::Type::kNull) return AppendNull(out);
    nul |= element.nul;
    invalid_utf8 |= element.invalid_utf8;
    not_text |= element.type == Element::Type::kOther;
    if (element_bytes_max == 0 || element.text.size() <= element_bytes_max) return AppendElement(element.text, out);
    too_long = true;
    if (moved != nullptr) moved->emplace_back(element.text);
    return "";
  });
  if (!fault.empty()) {
    out.resize(begin);
    return Unfit(fault);
  }
  if (too_long) return Repaired("element_too_long");
  if (invalid_utf8) return Repaired("invalid_utf8");
  if (nul) return Repaired("nul_in_text");
  return not_text ? Repaired("element_not_text") : Exact();
}

Reading ReadUuidArray(const core::ValueView& value, std::string& out) {
  if (value.storage != StorageClass::kText) return WrongType();
  const JsonText json(value.bytes);
  const std::size_t begin = out.size();
  bool spelling = false;
  const absl::string_view fault = ForEachElement(json.text(), [&](const Element& element) -> absl::string_view {
    if (element.type == Element::Type::kNull) return AppendNull(out);
    if (element.type != Element::Type::kString || element.nul) return "not_uuid";
    const std::optional<UuidText> uuid = ParseUuid(element.text);
    if (!uuid) return "not_uuid";
    spelling |= !uuid->canonical;
    return AppendElement(absl::string_view(uuid->bytes.data(), uuid->bytes.size()), out);
  });
  if (!fault.empty()) {
    out.resize(begin);
    return Unfit(fault);
  }
  if (json.had_nul()) return Repaired("nul_in_text");
  return spelling ? Repaired("uuid_spelling") : Exact();
}

}  // namespace vecferry::verifier
