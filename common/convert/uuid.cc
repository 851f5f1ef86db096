#include <uuid/uuid.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/convert/wire.h"

namespace vecferry::convert {
namespace {

constexpr int kUuidBytes = 16;
// bbada3e7-23d4-5350-af54-67cc01d8ddea: the namespace of ids that are no UUIDs (docs/interface.md). Never changes:
// every later run must make the same ids.
constexpr unsigned char kNamespace[kUuidBytes] = {0xbb, 0xad, 0xa3, 0xe7, 0x23, 0xd4, 0x53, 0x50,
                                                  0xaf, 0x54, 0x67, 0xcc, 0x01, 0xd8, 0xdd, 0xea};

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void Append(const unsigned char uuid[kUuidBytes], std::string& out) {
  out.append(reinterpret_cast<const char*>(uuid), kUuidBytes);
}

Outcome HashedId(const core::ValueView& value, absl::string_view name, std::string& out) {
  unsigned char uuid[kUuidBytes];
  uuid_generate_sha1(uuid, kNamespace, name.data(), name.size());
  Append(uuid, out);
  return Repaired("id_not_uuid", absl::StrCat(Describe(value), " is no UUID: UUIDv5 of it"));
}

Outcome OtherSpelling(const core::ValueView& value) {
  return Repaired("uuid_spelling", absl::StrCat(Describe(value), " is another spelling of a UUID: normalised"));
}

}  // namespace

bool ReadUuid(absl::string_view text, unsigned char uuid[kUuidBytes]) {
  const bool braced = !text.empty() && text[0] == '{';
  std::size_t at = braced ? 1 : 0;
  for (int i = 0; i < kUuidBytes; ++i) {
    if (at + 2 > text.size()) return false;
    const int high = HexDigit(text[at]), low = HexDigit(text[at + 1]);
    if (high < 0 || low < 0) return false;
    uuid[i] = static_cast<unsigned char>(high << 4 | low);
    at += 2;
    const bool hyphen_allowed = i % 2 == 1 && i < kUuidBytes - 1;
    if (hyphen_allowed && at < text.size() && text[at] == '-') ++at;
  }
  if (braced && (at >= text.size() || text[at++] != '}')) return false;
  return at == text.size();
}

bool IsCanonicalUuid(absl::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    const bool lower_hex = HexDigit(text[i]) >= 0 && (text[i] < 'A' || text[i] > 'F');
    if (hyphen ? text[i] != '-' : !lower_hex) return false;
  }
  return true;
}

Outcome ToUuid(const core::ValueView& value, std::string& out) {
  if (value.is_null()) return Null();
  if (value.storage == core::StorageClass::kBlob && value.bytes.size() == kUuidBytes) {
    out.append(value.bytes.data(), value.bytes.size());
    return Exact();
  }
  unsigned char uuid[kUuidBytes];
  if (value.storage != core::StorageClass::kText || !ReadUuid(value.bytes, uuid)) {
    return Unfit("not_uuid", absl::StrCat(Describe(value), " is no UUID"));
  }
  Append(uuid, out);
  return IsCanonicalUuid(value.bytes) ? Exact() : OtherSpelling(value);
}

Outcome ToId(const core::ValueView& value, std::string& out) {
  switch (value.storage) {
    case core::StorageClass::kNull: return Null();
    case core::StorageClass::kInteger: return HashedId(value, absl::StrCat(value.integer), out);
    case core::StorageClass::kReal: return HashedId(value, RealText(value.real), out);
    case core::StorageClass::kBlob:
      return HashedId(value, absl::StrCat("blob:", absl::BytesToHexString(value.bytes)), out);
    case core::StorageClass::kText: break;
  }
  unsigned char uuid[kUuidBytes];
  if (!ReadUuid(value.bytes, uuid)) return HashedId(value, value.bytes, out);
  Append(uuid, out);
  return IsCanonicalUuid(value.bytes) ? Exact() : OtherSpelling(value);
}

}  // namespace vecferry::convert
