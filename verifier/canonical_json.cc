#include "verifier/canonical_json.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "verifier/decimal_text.h"
#include "verifier/json_tokens.h"

namespace vecferry::verifier {
namespace {

// Writes members in the source's order first. Objects whose keys are not in order are noted, and the text is put in
// order once at the end: an object in an object in an object would otherwise be moved once a level.
class Canonical {
 public:
  Canonical(absl::string_view json, std::size_t levels_max, std::string& out)
      : tokens_(json), levels_max_(levels_max), out_(out), begin_(out.size()) {}

  JsonOutcome Write();

 private:
  // Places in out_.
  struct Span {
    std::size_t begin, end;
  };
  struct Member {
    Span key;  // between the quotes
    std::size_t begin, end;
  };
  struct Open {
    std::size_t begin;
    std::size_t members;  // how many members of outer objects are in members_
    bool object;
    bool in_order = true;
  };
  // An object that must be written anew, as these of spans_.
  struct Reordered {
    Span object;
    std::size_t spans_begin, spans_end;
  };

  JsonOutcome GiveUp(JsonToken token);
  void Comma();
  void Key(const JsonToken& token);
  void String(const JsonToken& token);
  void Number(const JsonToken& token);
  void Close(char bracket);
  void NoteOrder(const Open& object);
  void PutInOrder();
  absl::string_view At(const Span& span) const {
    return absl::string_view(out_).substr(span.begin, span.end - span.begin);
  }

  JsonTokens tokens_;
  const std::size_t levels_max_;
  std::string& out_;
  const std::size_t begin_;
  JsonOutcome outcome_;
  absl::InlinedVector<Open, 8> open_;
  absl::InlinedVector<Member, 16> members_;  // of the open objects
  std::vector<Reordered> reordered_;
  std::vector<Span> spans_;
};

JsonOutcome Canonical::Write() {
  using Kind = JsonToken::Kind;
  while (true) {
    const JsonToken token = tokens_.Next();
    switch (token.kind) {
      case Kind::kBeginObject:
      case Kind::kBeginArray:
        if (tokens_.level() > levels_max_) return GiveUp(token);
        Comma();
        open_.push_back({out_.size(), members_.size(), token.kind == Kind::kBeginObject});
        out_.push_back(token.kind == Kind::kBeginObject ? '{' : '[');
        break;
      case Kind::kEndObject: Close('}'); break;
      case Kind::kEndArray: Close(']'); break;
      case Kind::kKey: Key(token); break;
      case Kind::kString: Comma(), String(token); break;
      case Kind::kNumber: Comma(), Number(token); break;
      case Kind::kTrue: Comma(), out_.append("true"); break;
      case Kind::kFalse: Comma(), out_.append("false"); break;
      case Kind::kNull: Comma(), out_.append("null"); break;
      case Kind::kEnd:
        if (!reordered_.empty()) PutInOrder();
        return outcome_;
      case Kind::kInvalid: return GiveUp(token);
    }
  }
}

// Too deep is what is JSON for all that.
JsonOutcome Canonical::GiveUp(JsonToken token) {
  out_.resize(begin_);
  while (token.kind != JsonToken::Kind::kEnd && token.kind != JsonToken::Kind::kInvalid) token = tokens_.Next();
  outcome_.invalid = token.kind == JsonToken::Kind::kInvalid;
  outcome_.too_deep = !outcome_.invalid;
  return outcome_;
}

// What begins now is no object's value: those follow a colon.
void Canonical::Comma() {
  if (!open_.empty() && !open_.back().object && out_.size() > open_.back().begin + 1) out_.push_back(',');
}

void Canonical::Key(const JsonToken& token) {
  Open& object = open_.back();
  const bool first = members_.size() == object.members;
  if (!first) {
    members_.back().end = out_.size();
    out_.push_back(',');
  }
  const std::size_t begin = out_.size();
  String(token);
  const Span key{begin + 1, out_.size() - 1};
  if (!first && At(members_.back().key) >= At(key)) object.in_order = false;
  out_.push_back(':');
  members_.push_back({key, begin, 0});
}

void Canonical::String(const JsonToken& token) {
  outcome_.invalid_utf8 |= token.invalid_utf8;
  outcome_.not_jsonb |= token.nul_escape || token.lone_surrogate;
  if (!token.plain) return AppendJsonString(token.text, out_);
  out_.push_back('"');
  out_.append(token.text.data(), token.text.size());
  out_.push_back('"');
}

void Canonical::Number(const JsonToken& token) {
  // Most are short and have no exponent: their own numeric's text, but for the sign of zero.
  constexpr std::size_t kShort = 1000;
  if (token.text.size() < kShort && token.text.find_first_of("eE") == absl::string_view::npos) {
    const bool zero = token.text.find_first_not_of("-0.") == absl::string_view::npos;
    const absl::string_view kept = token.text.substr(zero && token.text[0] == '-' ? 1 : 0);
    out_.append(kept.data(), kept.size());
  } else if (!AppendNumeric(*ParseDecimal(token.text), out_)) {
    outcome_.not_jsonb = true;
    AppendJsonString(token.text, out_);
  }
}

void Canonical::Close(char bracket) {
  const Open closed = open_.back();
  open_.pop_back();
  if (closed.object) {
    if (members_.size() > closed.members) members_.back().end = out_.size();
    if (!closed.in_order) NoteOrder(closed);
    members_.resize(closed.members);
  }
  out_.push_back(bracket);
}

void Canonical::NoteOrder(const Open& object) {
  const auto first = members_.begin() + static_cast<std::ptrdiff_t>(object.members);
  std::stable_sort(first, members_.end(),
                   [this](const Member& left, const Member& right) { return At(left.key) < At(right.key); });
  const std::size_t spans_begin = spans_.size();
  for (auto member = first; member != members_.end(); ++member) {
    // The last of equal keys stays.
    if (member + 1 != members_.end() && At(member->key) == At((member + 1)->key)) {
      outcome_.duplicate_key = true;
    } else {
      spans_.push_back({member->begin, member->end});
    }
  }
  reordered_.push_back({{object.begin, out_.size() + 1}, spans_begin, spans_.size()});
}

void Canonical::PutInOrder() {
  const std::string text = out_.substr(begin_);
  out_.resize(begin_);
  std::sort(reordered_.begin(), reordered_.end(),
            [](const Reordered& left, const Reordered& right) { return left.object.begin < right.object.begin; });
  // What is still to be written, the next last, each with the character after it.
  std::vector<std::pair<Span, char>> rest = {{{begin_, begin_ + text.size()}, '\0'}};
  while (!rest.empty()) {
    const auto [span, after] = rest.back();
    rest.pop_back();
    const auto object = std::lower_bound(reordered_.begin(), reordered_.end(), span.begin,
                                         [](const Reordered& left, std::size_t at) { return left.object.begin < at; });
    const bool found = object != reordered_.end() && object->object.begin < span.end;
    out_.append(text, span.begin - begin_, (found ? object->object.begin : span.end) - span.begin);
    if (!found) {
      if (after != '\0') out_.push_back(after);
      continue;
    }
    rest.push_back({{object->object.end, span.end}, after});
    out_.push_back('{');
    for (std::size_t at = object->spans_end; at > object->spans_begin; --at) {
      rest.push_back({spans_[at - 1], at == object->spans_end ? '}' : ','});
    }
  }
}

}  // namespace

JsonOutcome AppendCanonicalJson(absl::string_view json, std::size_t levels_max, std::string& out) {
  return Canonical(json, levels_max, out).Write();
}

}  // namespace vecferry::verifier
