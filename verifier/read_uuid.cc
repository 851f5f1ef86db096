#include <uuid/uuid.h>

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "verifier/read_rules.h"
#include "verifier/real_text.h"
#include "verifier/uuid_text.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;

// Of the ids that are no UUIDs: bbada3e7-23d4-5350-af54-67cc01d8ddea.
constexpr uuid_t kIdNamespace = {0xbb, 0xad, 0xa3, 0xe7, 0x23, 0xd4, 0x53, 0x50,
                                 0xaf, 0x54, 0x67, 0xcc, 0x01, 0xd8, 0xdd, 0xea};
constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::size_t kTextBytes = 36;

bool HyphenBefore(std::size_t byte) { return byte == 4 || byte == 6 || byte == 8 || byte == 10; }

// Writes the canonical text of 16 bytes.
void WriteCanonical(const char* bytes, char* text) {
  for (std::size_t at = 0; at < 16; ++at) {
    if (HyphenBefore(at)) *text++ = '-';
    *text++ = kHexDigits[bytes[at] >> 4 & 0xf];
    *text++ = kHexDigits[bytes[at] & 0xf];
  }
}

int HexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  const char lower = absl::ascii_tolower(digit);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

Reading AppendVersion5(absl::string_view name, std::string& out) {
  uuid_t uuid;
  uuid_generate_sha1(uuid, kIdNamespace, name.data(), name.size());
  out.append(reinterpret_cast<const char*>(uuid), sizeof(uuid));
  return Repaired("id_not_uuid");
}

Reading AppendUuid(const UuidText& uuid, std::string& out) {
  out.append(uuid.bytes.data(), uuid.bytes.size());
  return uuid.canonical ? Exact() : Repaired("uuid_spelling");
}

}  // namespace

std::optional<UuidText> ParseUuid(absl::string_view text) {
  UuidText uuid;
  absl::string_view rest = text;
  const bool braces = !rest.empty() && rest[0] == '{';
  if (braces) rest.remove_prefix(1);
  for (std::size_t at = 0; at < uuid.bytes.size(); ++at) {
    // Postgres takes a hyphen after any group of four digits.
    if (at > 0 && at % 2 == 0 && !rest.empty() && rest[0] == '-') rest.remove_prefix(1);
    if (rest.size() < 2 || HexDigit(rest[0]) < 0 || HexDigit(rest[1]) < 0) return std::nullopt;
    uuid.bytes[at] = static_cast<char>(HexDigit(rest[0]) << 4 | HexDigit(rest[1]));
    rest.remove_prefix(2);
  }
  if (rest != (braces ? "}" : "")) return std::nullopt;
  char canonical[kTextBytes];
  WriteCanonical(uuid.bytes.data(), canonical);
  uuid.canonical = text == absl::string_view(canonical, kTextBytes);
  return uuid;
}

std::string UuidTextOf(absl::string_view bytes) {
  std::string text(kTextBytes, '\0');
  WriteCanonical(bytes.data(), text.data());
  return text;
}

Reading ReadUuid(const core::ValueView& value, std::string& out) {
  if (value.storage == StorageClass::kBlob && value.bytes.size() == 16) {
    out.append(value.bytes.data(), value.bytes.size());
    return Exact();
  }
  if (value.storage == StorageClass::kText) {
    if (const std::optional<UuidText> uuid = ParseUuid(value.bytes)) return AppendUuid(*uuid, out);
  }
  return Unfit("not_uuid");
}

Reading ReadId(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case StorageClass::kNull: return {Reading::Result::kNull};
    case StorageClass::kInteger: return AppendVersion5(absl::StrCat(value.integer), out);
    case StorageClass::kReal: return AppendVersion5(SqliteText(value.real), out);
    case StorageClass::kBlob: return AppendVersion5(absl::StrCat("blob:", absl::BytesToHexString(value.bytes)), out);
    case StorageClass::kText: break;
  }
  const std::optional<UuidText> uuid = ParseUuid(value.bytes);
  return uuid ? AppendUuid(*uuid, out) : AppendVersion5(value.bytes, out);
}

}  // namespace vecferry::verifier
