#include <algorithm>
#include <cmath>
#include <deque>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/convert/decimal.h"
#include "common/convert/json_reader.h"
#include "common/convert/json_string.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

constexpr char kJsonbVersion = 1;
// Postgres reads and prints JSON by recursion: with the default max_stack_depth of 2 MB version 15 refuses from 13,046
// nested objects on (measured).
constexpr std::size_t kJsonDepthMax = 10'000;

// The keys of the open objects, to find those said twice: jsonb keeps the last of them only.
class KeyTracker {
 public:
  void Open() { starts_.push_back(keys_.size()); }

  void Add(absl::string_view raw) {
    if (raw.find('\\') != absl::string_view::npos) {
      JsonRepairs unused;
      DecodeJsonString(raw, decoded_.emplace_back(), unused);
      keys_.push_back(decoded_.back());
    } else {
      keys_.push_back(raw.substr(1, raw.size() - 2));
    }
  }

  // Ends the innermost object. Returns how many of its keys were said before.
  int Close() {
    const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(starts_.back());
    std::sort(begin, keys_.end());
    int repeated = 0;
    for (auto key = begin; key != keys_.end(); ++key) repeated += key != begin && *key == *(key - 1) ? 1 : 0;
    keys_.erase(begin, keys_.end());
    starts_.pop_back();
    return repeated;
  }

 private:
  std::vector<absl::string_view> keys_;
  std::vector<std::size_t> starts_;
  std::deque<std::string> decoded_;  // a deque: views into it stay good
};

// Copies a JSON text to `out`, changing only the places that jsonb cannot hold.
class JsonbCopy {
 public:
  JsonbCopy(absl::string_view text, std::string& out) : text_(text), reader_(text), out_(out) {}

  // False: the text is no JSON; what was appended is to be taken back.
  bool Run() {
    for (JsonToken token = reader_.Next(); token != JsonToken::kEnd; token = reader_.Next()) {
      if (token == JsonToken::kError) return false;
      depth_ = std::max(depth_, reader_.depth());
      if (token == JsonToken::kBeginObject) keys_.Open();
      if (token == JsonToken::kEndObject) repeated_keys_ += keys_.Close();
      if (token == JsonToken::kKey) keys_.Add(reader_.raw());
      if (token == JsonToken::kNumber) CheckNumber();
      const bool is_string = token == JsonToken::kKey || token == JsonToken::kString;
      if (is_string && reader_.odd()) {
        CopyUpToToken();
        RewriteJsonString(reader_.raw(), out_, repairs_);
      }
    }
    out_.append(text_.data() + copied_, text_.size() - copied_);
    return true;
  }

  std::size_t depth() const { return depth_; }

  // What was changed; kExact when nothing was.
  Outcome Result(int nuls_removed) const {
    std::vector<std::string> changes;
    const auto note = [&changes](int count, absl::string_view change) {
      if (count > 0) changes.push_back(absl::StrCat(count, " ", change));
    };
    note(nuls_removed, "NULs removed");
    note(repairs_.invalid_utf8, "invalid UTF-8 sequences became U+FFFD");
    note(repairs_.nuls, "\\u0000 removed");
    note(repairs_.surrogates, "lone surrogates became \\ufffd");
    note(numbers_, "numbers beyond numeric became strings");
    note(repeated_keys_, "keys said twice: the last of each is kept");
    if (changes.empty()) return Exact();
    return Repaired(Kind(nuls_removed), absl::StrJoin(changes, ", "));
  }

 private:
  // Several kinds of change are one issue: the first of them names it.
  absl::string_view Kind(int nuls_removed) const {
    if (nuls_removed > 0) return "nul_in_text";
    if (repairs_.invalid_utf8 > 0) return "invalid_utf8";
    if (repairs_.any() || numbers_ > 0) return "json_not_jsonb";
    return "duplicate_json_key";
  }

  void CopyUpToToken() {
    out_.append(text_.data() + copied_, reader_.begin() - copied_);
    copied_ = reader_.end();
  }

  void CheckNumber() {
    // Whatever is this short fits: 131,072 digits may stand before the point and 16,383 behind it.
    constexpr std::size_t kPlainBytes = 16'000;
    const absl::string_view raw = reader_.raw();
    const bool plain = raw.size() < kPlainBytes && raw.find_first_of("eE") == absl::string_view::npos;
    if (plain) return;
    const auto decimal = ReadDecimal(raw);
    if (decimal && FitsNumeric(*decimal)) return;
    CopyUpToToken();
    absl::StrAppend(&out_, "\"", raw, "\"");
    ++numbers_;
  }

  absl::string_view text_;
  JsonReader reader_;
  std::string& out_;
  std::size_t copied_ = 0;  // bytes of text_ that out_ has, changed or not
  KeyTracker keys_;
  JsonRepairs repairs_;
  int numbers_ = 0, repeated_keys_ = 0;
  std::size_t depth_ = 0;
};

Outcome TextToJsonb(const core::ValueView& value, std::string& out) {
  std::string buffer;
  int nuls = 0;
  const absl::string_view text = WithoutNuls(value.bytes, buffer, nuls);
  const std::size_t before = out.size();
  out.push_back(kJsonbVersion);
  JsonbCopy copy(text, out);
  if (!copy.Run()) {
    out.resize(before);
    return Unfit("invalid_json", absl::StrCat(Describe(value), " is no JSON"));
  }
  if (copy.depth() > kJsonDepthMax) {
    out.resize(before);
    return Unfit("json_too_deep", absl::StrCat("JSON ", copy.depth(), " levels deep, the most is ", kJsonDepthMax));
  }
  return copy.Result(nuls);
}

}  // namespace

Outcome ToJsonb(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kText: return TextToJsonb(value, out);
    case core::StorageClass::kInteger:
      out.push_back(kJsonbVersion);
      absl::StrAppend(&out, value.integer);
      return Exact();
    case core::StorageClass::kReal:
      if (!std::isfinite(value.real)) break;
      out.push_back(kJsonbVersion);
      absl::StrAppend(&out, RealText(value.real));
      return Exact();
    case core::StorageClass::kBlob: break;
  }
  return WrongType(value, "JSON");
}

}  // namespace vecferry::convert
