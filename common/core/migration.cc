#include "common/core/migration.h"

#include <bit>
#include <cassert>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/core/utf8.h"

namespace vecferry::core {
namespace {

struct NamedState {
  State state;
  absl::string_view name;
};
constexpr NamedState kStates[] = {
    {State::kPlanned, "PLANNED"},     {State::kCopying, "COPYING"},   {State::kFinishing, "FINISHING"},
    {State::kVerifying, "VERIFYING"}, {State::kPaused, "PAUSED"},     {State::kFailed, "FAILED"},
    {State::kCancelled, "CANCELLED"}, {State::kVerified, "VERIFIED"}, {State::kDifferent, "DIFFERENT"},
    {State::kCopied, "COPIED"},       {State::kDropped, "DROPPED"},
};

// Appends {"hex": "...", "type": "..."}: how jsonb holds what it could not hold as a string.
void AppendHex(absl::string_view bytes, absl::string_view type, std::string& out) {
  absl::StrAppend(&out, "{\"hex\": \"", absl::BytesToHexString(bytes), "\", \"type\": \"", type, "\"}");
}

void AppendKeyValue(const ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kNull: return AppendHex("", "null", out);
    case StorageClass::kInteger: absl::StrAppend(&out, value.integer); return;
    case StorageClass::kReal: {
      std::string bits;
      const auto number = std::bit_cast<std::uint64_t>(value.real);
      for (int shift = 56; shift >= 0; shift -= 8) bits.push_back(static_cast<char>(number >> shift));
      return AppendHex(bits, "real", out);
    }
    case StorageClass::kBlob: return AppendHex(value.bytes, "blob", out);
    case StorageClass::kText: break;
  }
  const bool plain =
      ValidUtf8Prefix(value.bytes) == value.bytes.size() && value.bytes.find('\0') == absl::string_view::npos;
  if (plain) return AppendJsonString(value.bytes, out);
  AppendHex(value.bytes, "text", out);
}

// Whether the valid character at the front of `text` is a control character: C0, DEL, or C1 (U+0080 to U+009F).
bool BeginsWithControl(absl::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x20 || first == 0x7f) return true;
  return first == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0;
}

void AppendWithoutControls(absl::string_view valid, std::string& out) {
  for (std::size_t at = 0; at < valid.size(); ++at) {
    if (!BeginsWithControl(valid.substr(at))) {
      out.push_back(valid[at]);
      continue;
    }
    out.push_back(' ');
    if (static_cast<unsigned char>(valid[at]) == 0xc2) ++at;
  }
}

}  // namespace

absl::string_view ToString(State state) {
  for (const NamedState& entry : kStates) {
    if (entry.state == state) return entry.name;
  }
  return "UNKNOWN";
}

absl::StatusOr<State> ParseState(absl::string_view text) {
  for (const NamedState& entry : kStates) {
    if (entry.name == text) return entry.state;
  }
  return absl::InvalidArgumentError(absl::StrCat("no state of a migration: ", text));
}

bool IsEnded(State state) {
  return state == State::kVerified || state == State::kDifferent || state == State::kCopied || state == State::kDropped;
}

bool IsRunning(State state) {
  return state == State::kPlanned || state == State::kCopying || state == State::kFinishing ||
         state == State::kVerifying;
}

absl::string_view ToString(IssueAction action) {
  switch (action) {
    case IssueAction::kRepaired: return "repaired";
    case IssueAction::kRejected: return "rejected";
    case IssueAction::kSkipped: return "skipped";
    case IssueAction::kReplayed: return "replayed";
  }
  return "unknown";
}

absl::StatusOr<IssueAction> ParseIssueAction(absl::string_view text) {
  for (const IssueAction action :
       {IssueAction::kRepaired, IssueAction::kRejected, IssueAction::kSkipped, IssueAction::kReplayed}) {
    if (text == ToString(action)) return action;
  }
  return absl::InvalidArgumentError(absl::StrCat("no action of an issue: ", text));
}

Counters& Counters::operator+=(const Counters& other) {
  read += other.read;
  inserted += other.inserted;
  present += other.present;
  updated += other.updated;
  conflicting += other.conflicting;
  repaired += other.repaired;
  rejected += other.rejected;
  values_rounded += other.values_rounded;
  bytes += other.bytes;
  incomplete += other.incomplete;
  return *this;
}

std::string SourceKeyJson(const std::vector<std::string>& columns, absl::Span<const ValueView> values) {
  assert(columns.size() == values.size());
  std::string json = "{";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0) json += ", ";
    AppendJsonString(SanitizeText(columns[i]), json);
    json += ": ";
    AppendKeyValue(values[i], json);
  }
  json += "}";
  return json;
}

std::string SanitizeText(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t valid = ValidUtf8Prefix(text);
    AppendWithoutControls(text.substr(0, valid), out);
    text.remove_prefix(valid);
    if (text.empty()) break;
    absl::StrAppend(&out, kReplacementCharacter);
    text.remove_prefix(InvalidUtf8Length(text));
  }
  return out;
}

}  // namespace vecferry::core
