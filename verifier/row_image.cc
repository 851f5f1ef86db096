#include "verifier/row_image.h"

#define XXH_INLINE_ALL  // the hash state lives on the stack: no allocation a row
#include <xxhash.h>

#include <cstring>

namespace vecferry::verifier {
namespace {

constexpr std::size_t kHeadBytes = 5;  // 0 = NULL or 1, then the length: no two rows have the same bytes

core::Sum128 ToSum(const XXH128_hash_t& hash) { return {hash.high64, hash.low64}; }

}  // namespace

core::Sum128 Hash128(absl::string_view bytes) { return ToSum(XXH3_128bits(bytes.data(), bytes.size())); }

void RowImage::Clear() {
  bytes_.clear();
  begins_.clear();
}

void RowImage::AddNull() {
  begins_.push_back(bytes_.size());
  bytes_.append(kHeadBytes, '\0');
}

void RowImage::Add(absl::string_view field) {
  BeginField();
  bytes_.append(field.data(), field.size());
  EndField();
}

void RowImage::BeginField() { AddNull(); }

void RowImage::EndField() {
  const std::size_t begin = begins_.back();
  // A field of Postgres ends at 1 GiB.
  const auto length = static_cast<std::uint32_t>(bytes_.size() - begin - kHeadBytes);
  bytes_[begin] = 1;
  std::memcpy(bytes_.data() + begin + 1, &length, sizeof(length));
}

void RowImage::AbandonField() {
  bytes_.resize(begins_.back());
  begins_.pop_back();
}

absl::string_view RowImage::WithHead(int index) const {
  const auto at = static_cast<std::size_t>(index);
  const std::size_t end = at + 1 < begins_.size() ? begins_[at + 1] : bytes_.size();
  return absl::string_view(bytes_).substr(begins_[at], end - begins_[at]);
}

std::optional<absl::string_view> RowImage::field(int index) const {
  const absl::string_view whole = WithHead(index);
  if (whole[0] == 0) return std::nullopt;
  return whole.substr(kHeadBytes);
}

core::Sum128 RowImage::Hash() const { return Hash128(bytes_); }

core::Sum128 RowImage::HashOf(absl::Span<const int> fields) const {
  if (fields.size() == 1) return Hash128(WithHead(fields[0]));
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  for (const int field : fields) {
    const absl::string_view whole = WithHead(field);
    XXH3_128bits_update(&state, whole.data(), whole.size());
  }
  return ToSum(XXH3_128bits_digest(&state));
}

}  // namespace vecferry::verifier
