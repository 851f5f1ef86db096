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
// Postgres 15 reads JSON by recursion, bounded by max_stack_depth (2 MB by default).
constexpr std::size_t kJsonDepthMax = 4000;

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
    const absl::string_view kind = nuls_removed > 0                                              ? "nul_in_text"
                                   : repairs_.invalid_utf8 > 0                                   ? "invalid_utf8"
                                   : repairs_.nuls + repairs_.surrogates + numbers_ > 0 ? "json_not_jsonb"
                                                                                                 : "duplicate_json_key";
    return Repaired(kind, absl::StrJoin(changes, ", "));
  }

 private:
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
  absl::string_view text = value.bytes;
  std::string without_nuls;
  const auto nuls = std::count(text.begin(), text.end(), '\0');
  if (nuls > 0) {
    std::copy_if(text.begin(), text.end(), std::back_inserter(without_nuls), [](char c) { return c != '\0'; });
    text = without_nuls;
  }
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
  return copy.Result(static_cast<int>(nuls));
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
