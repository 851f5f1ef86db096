#include <functional>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/convert/json_reader.h"
#include "common/convert/json_string.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

// pg_type.oid of the element types: fixed in every Postgres.
constexpr std::uint32_t kTextOid = 25, kUuidOid = 2950;

// Writes a one-dimensional array: its header once the elements are known.
class ArrayWriter {
 public:
  ArrayWriter(std::uint32_t element_oid, std::string& out) : oid_(element_oid), out_(out), begin_(out.size()) {
    out_.append(kHeaderBytes, '\0');
  }

  void AddNull() {
    AppendBigEndian(0xffffffff, 4, out_);
    ++elements_;
    has_null_ = true;
  }

  void Add(absl::string_view element) {
    AppendBigEndian(element.size(), 4, out_);
    out_.append(element.data(), element.size());
    ++elements_;
  }

  void Finish() {
    std::string header;
    AppendBigEndian(elements_ > 0 ? 1 : 0, 4, header);  // dimensions: an empty array has none
    AppendBigEndian(has_null_ ? 1 : 0, 4, header);
    AppendBigEndian(oid_, 4, header);
    if (elements_ == 0) {
      out_.resize(begin_ + header.size());
    } else {
      AppendBigEndian(elements_, 4, header);
      AppendBigEndian(1, 4, header);  // lower bound
    }
    out_.replace(begin_, header.size(), header);
  }

  void TakeBack() { out_.resize(begin_); }

 private:
  static constexpr std::size_t kHeaderBytes = 20;
  const std::uint32_t oid_;
  std::string& out_;
  const std::size_t begin_;
  std::uint64_t elements_ = 0;
  bool has_null_ = false;
};

// One element of a JSON array: a string, or anything else as its JSON text.
struct Element {
  JsonToken token;
  absl::string_view raw;
};

// Calls `take` with each element. Returns how the value fails to be a JSON array; `take` ends it by an outcome too.
// Tells how many NULs the text had, which are passed over.
std::optional<Outcome> ForEachElement(const core::ValueView& value, int& nuls,
                                      const std::function<std::optional<Outcome>(const Element&)>& take) {
  if (value.storage != core::StorageClass::kText) return WrongType(value, "JSON array");
  std::string buffer;
  const absl::string_view text = WithoutNuls(value.bytes, buffer, nuls);
  const auto invalid = [&value] { return Unfit("invalid_json", absl::StrCat(Describe(value), " is no JSON")); };
  JsonReader reader(text);
  const bool is_array = reader.Next() == JsonToken::kBeginArray;
  JsonToken token = is_array ? reader.Next() : JsonToken::kNull;
  while (is_array && token != JsonToken::kEndArray) {
    const std::size_t begin = reader.begin();
    const JsonToken first = token;
    while (reader.depth() > 1 && token != JsonToken::kError) token = reader.Next();
    if (token == JsonToken::kError) return invalid();
    if (auto stop = take({first, text.substr(begin, reader.end() - begin)})) return stop;
    token = reader.Next();
  }
  // What follows, and a value that is no array, must be JSON too to be named rightly.
  while (token != JsonToken::kEnd && token != JsonToken::kError) token = reader.Next();
  if (token == JsonToken::kError) return invalid();
  if (!is_array) return Unfit("not_an_array", absl::StrCat(Describe(value), " is no JSON array"));
  return std::nullopt;
}

// What was changed in the elements of a text[].
struct Changes {
  JsonRepairs repairs;
  int raw_nuls = 0, not_text = 0, too_long = 0;
};

Outcome ResultOf(const Changes& changes) {
  if (changes.too_long > 0) {
    return Repaired("element_too_long", absl::StrCat(changes.too_long, " elements are too long and were moved"));
  }
  if (changes.repairs.invalid_utf8 > 0) {
    return Repaired("invalid_utf8", "invalid UTF-8 sequences in elements became U+FFFD");
  }
  if (changes.repairs.any() || changes.raw_nuls > 0) {
    return Repaired("nul_in_text", "NULs in elements removed, lone surrogates became U+FFFD");
  }
  if (changes.not_text > 0) {
    return Repaired("element_not_text", absl::StrCat(changes.not_text, " elements are no strings: their JSON text"));
  }
  return Exact();
}

std::string TextOf(const Element& element, Changes& changes) {
  std::string text;
  if (element.token == JsonToken::kString) {
    DecodeJsonString(element.raw, text, changes.repairs);
    return text;
  }
  ++changes.not_text;
  if (ToText(core::ValueView::Text(element.raw), text).fidelity == Fidelity::kRepaired) ++changes.repairs.invalid_utf8;
  return text;
}

}  // namespace

Outcome ToTextArray(const core::ValueView& value, std::size_t element_bytes_max, std::string& out,
                    std::vector<std::string>* moved) {
  if (value.is_null()) return Null();
  ArrayWriter array(kTextOid, out);
  Changes changes;
  const auto problem = ForEachElement(value, changes.raw_nuls, [&](const Element& element) -> std::optional<Outcome> {
    if (element.token == JsonToken::kNull) {
      array.AddNull();
      return std::nullopt;
    }
    std::string text = TextOf(element, changes);
    if (element_bytes_max == 0 || text.size() <= element_bytes_max) {
      array.Add(text);
    } else {
      ++changes.too_long;
      if (moved != nullptr) moved->push_back(std::move(text));
    }
    return std::nullopt;
  });
  if (problem) {
    array.TakeBack();
    return *problem;
  }
  array.Finish();
  return ResultOf(changes);
}

Outcome ToUuidArray(const core::ValueView& value, std::string& out) {
  if (value.is_null()) return Null();
  ArrayWriter array(kUuidOid, out);
  int respelled = 0, nuls = 0;
  const auto problem = ForEachElement(value, nuls, [&](const Element& element) -> std::optional<Outcome> {
    if (element.token == JsonToken::kNull) {
      array.AddNull();
      return std::nullopt;
    }
    std::string text;
    JsonRepairs repairs;
    if (element.token == JsonToken::kString) DecodeJsonString(element.raw, text, repairs);
    std::string uuid;
    const Outcome outcome = ToUuid(core::ValueView::Text(text), uuid);
    if (outcome.fidelity == Fidelity::kUnfit || repairs.any()) {
      return Unfit("not_uuid", absl::StrCat("element ", Describe(core::ValueView::Text(element.raw)), " is no UUID"));
    }
    respelled += outcome.fidelity == Fidelity::kRepaired ? 1 : 0;
    array.Add(uuid);
    return std::nullopt;
  });
  if (problem) {
    array.TakeBack();
    return *problem;
  }
  array.Finish();
  if (nuls > 0) return Repaired("nul_in_text", absl::StrCat(nuls, " NULs removed"));
  if (respelled == 0) return Exact();
  return Repaired("uuid_spelling", absl::StrCat(respelled, " elements are other spellings of a UUID: normalised"));
}

}  // namespace vecferry::convert
