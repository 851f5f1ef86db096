#include "common/core/record.h"

#define XXH_INLINE_ALL  // the hash state lives on the stack: no allocation a row
#include <xxhash.h>

#include <bit>
#include <cstring>

#include "absl/numeric/int128.h"
#include "absl/strings/str_cat.h"

namespace vecferry::core {
namespace {

// Serial types of https://sqlite.org/fileformat2.html#record_format.
constexpr std::uint64_t kSerialNull = 0, kSerialReal = 7, kSerialZero = 8, kSerialOne = 9, kSerialBlob = 12,
                        kSerialText = 13;

// SQLite's varint: seven bits a byte, most significant first; a ninth byte carries eight.
void AppendVarint(std::uint64_t value, std::string& out) {
  char bytes[9];
  int count = 0;
  if (value >> 56 != 0) {
    bytes[8] = static_cast<char>(value);
    value >>= 8;
    for (int i = 7; i >= 0; --i, value >>= 7) bytes[i] = static_cast<char>((value & 0x7f) | 0x80);
    out.append(bytes, 9);
    return;
  }
  do {
    bytes[count] = static_cast<char>((value & 0x7f) | (count == 0 ? 0 : 0x80));
    value >>= 7;
    ++count;
  } while (value != 0);
  while (count > 0) out.push_back(bytes[--count]);
}

// Takes a varint from the front of `in`; false when it ends too early.
bool TakeVarint(absl::string_view& in, std::uint64_t& value) {
  value = 0;
  for (int i = 0; i < 9 && !in.empty(); ++i) {
    const auto byte = static_cast<unsigned char>(in[0]);
    in.remove_prefix(1);
    if (i == 8) {
      value = value << 8 | byte;
      return true;
    }
    value = value << 7 | (byte & 0x7f);
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

// The smallest width that holds `value`: SQLite has integers of 1, 2, 3, 4, 6 and 8 bytes.
int IntegerBytes(std::int64_t value) {
  for (const int bytes : {1, 2, 3, 4, 6}) {
    const std::int64_t bound = std::int64_t{1} << (8 * bytes - 1);
    if (value >= -bound && value < bound) return bytes;
  }
  return 8;
}

std::uint64_t SerialOfInteger(std::int64_t value) {
  if (value == 0) return kSerialZero;
  if (value == 1) return kSerialOne;
  const int bytes = IntegerBytes(value);
  return bytes <= 4 ? bytes : bytes == 6 ? 5 : 6;
}

std::uint64_t SerialOf(const ValueView& value) {
  switch (value.storage) {
    case StorageClass::kNull: return kSerialNull;
    case StorageClass::kInteger: return SerialOfInteger(value.integer);
    case StorageClass::kReal: return kSerialReal;
    case StorageClass::kText: return kSerialText + 2 * std::uint64_t{value.bytes.size()};
    case StorageClass::kBlob: return kSerialBlob + 2 * std::uint64_t{value.bytes.size()};
  }
  return kSerialNull;
}

std::size_t ContentBytes(std::uint64_t serial) {
  constexpr std::size_t kFixed[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
  return serial < kSerialBlob ? kFixed[serial] : (serial - kSerialBlob) / 2;
}

void AppendBigEndian(std::uint64_t value, std::size_t bytes, std::string& out) {
  while (bytes > 0) out.push_back(static_cast<char>(value >> (8 * --bytes)));
}

std::uint64_t ReadBigEndian(absl::string_view bytes) {
  std::uint64_t value = 0;
  for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
  return value;
}

void AppendContent(const ValueView& value, std::uint64_t serial, std::string& out) {
  if (value.storage == StorageClass::kInteger) {
    AppendBigEndian(static_cast<std::uint64_t>(value.integer), ContentBytes(serial), out);
  } else if (value.storage == StorageClass::kReal) {
    AppendBigEndian(std::bit_cast<std::uint64_t>(value.real), 8, out);
  } else {
    out.append(value.bytes.data(), value.bytes.size());
  }
}

Value ValueOf(std::uint64_t serial, absl::string_view content) {
  if (serial == kSerialNull) return Value();
  if (serial == kSerialZero) return Value(ValueView::Integer(0));
  if (serial == kSerialOne) return Value(ValueView::Integer(1));
  if (serial == kSerialReal) return Value(ValueView::Real(std::bit_cast<double>(ReadBigEndian(content))));
  if (serial >= kSerialBlob) {
    return Value(serial % 2 == 0 ? ValueView::Blob(content) : ValueView::Text(content));
  }
  const int unused_bits = 64 - 8 * static_cast<int>(content.size());
  const auto shifted = static_cast<std::int64_t>(ReadBigEndian(content) << unused_bits);
  return Value(ValueView::Integer(shifted >> unused_bits));  // shifted back: the sign comes along
}

absl::Status Broken(absl::string_view what) { return absl::DataLossError(absl::StrCat("record: ", what)); }

}  // namespace

std::string EncodeRecord(absl::Span<const ValueView> values) {
  std::string serials;
  for (const ValueView& value : values) AppendVarint(SerialOf(value), serials);
  // The header's size counts its own varint: one byte up to 127, two for every header that fits in 16 KiB.
  std::uint64_t header_bytes = serials.size() + 1;
  for (std::string size;;) {
    AppendVarint(header_bytes, size);
    if (size.size() + serials.size() == header_bytes) break;
    header_bytes = size.size() + serials.size();
    size.clear();
  }
  std::string record;
  AppendVarint(header_bytes, record);
  record += serials;
  for (const ValueView& value : values) AppendContent(value, SerialOf(value), record);
  return record;
}

absl::StatusOr<std::vector<Value>> DecodeRecord(absl::string_view record) {
  absl::string_view rest = record;
  std::uint64_t header_bytes = 0;
  if (!TakeVarint(rest, header_bytes)) return Broken("no header");
  const std::size_t size_bytes = record.size() - rest.size();
  if (header_bytes < size_bytes || header_bytes > record.size()) return Broken("header longer than the record");
  absl::string_view serials = record.substr(size_bytes, header_bytes - size_bytes);
  absl::string_view content = record.substr(header_bytes);
  std::vector<Value> values;
  while (!serials.empty()) {
    std::uint64_t serial = 0;
    if (!TakeVarint(serials, serial) || serial == 10 || serial == 11) return Broken("bad serial type");
    const std::size_t bytes = ContentBytes(serial);
    if (bytes > content.size()) return Broken("value cut off");
    values.push_back(ValueOf(serial, content.substr(0, bytes)));
    content.remove_prefix(bytes);
  }
  if (!content.empty()) return Broken(absl::StrCat(content.size(), " bytes left over"));
  return values;
}

Sum128& Sum128::operator+=(const Sum128& other) {
  const absl::uint128 sum = absl::MakeUint128(high, low) + absl::MakeUint128(other.high, other.low);
  high = absl::Uint128High64(sum);
  low = absl::Uint128Low64(sum);
  return *this;
}

std::string Sum128::ToBytes() const {
  std::string bytes;
  AppendBigEndian(high, 8, bytes);
  AppendBigEndian(low, 8, bytes);
  return bytes;
}

absl::StatusOr<Sum128> Sum128::FromBytes(absl::string_view bytes) {
  if (bytes.size() != 16) return absl::DataLossError(absl::StrCat("a sum has 16 bytes, got ", bytes.size()));
  return Sum128{ReadBigEndian(bytes.substr(0, 8)), ReadBigEndian(bytes.substr(8))};
}

Sum128 HashRow(absl::Span<const ValueView> values) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  for (const ValueView& value : values) {
    // Class and length go before the content, so that no two rows have the same bytes.
    std::uint64_t number = value.bytes.size();
    if (value.storage == StorageClass::kInteger) number = static_cast<std::uint64_t>(value.integer);
    if (value.storage == StorageClass::kReal) number = std::bit_cast<std::uint64_t>(value.real);
    char head[9];
    head[0] = static_cast<char>(value.storage);
    for (int i = 0; i < 8; ++i) head[1 + i] = static_cast<char>(number >> (56 - 8 * i));
    XXH3_128bits_update(&state, head, sizeof(head));
    XXH3_128bits_update(&state, value.bytes.data(), value.bytes.size());
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  return {hash.high64, hash.low64};
}

}  // namespace vecferry::core
