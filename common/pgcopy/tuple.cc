#include "common/pgcopy/tuple.h"

#include "absl/strings/str_cat.h"

namespace vecferry::pgcopy {
namespace {

constexpr std::size_t kCountBytes = 2, kLengthBytes = 4;

// Takes `bytes` bytes of a big-endian unsigned integer from the front of `in`, which has them.
std::uint32_t TakeBigEndian(absl::string_view& in, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(in[i]);
  in.remove_prefix(bytes);
  return value;
}

absl::Status Broken(absl::string_view what) { return absl::DataLossError(absl::StrCat("COPY tuple: ", what)); }

}  // namespace

absl::string_view FileHeader() {
  static constexpr char kHeader[] =
      "PGCOPY\n\377\r\n\0"
      "\0\0\0\0"
      "\0\0\0\0";
  return absl::string_view(kHeader, sizeof(kHeader) - 1);
}

absl::string_view FileTrailer() { return absl::string_view("\377\377", 2); }

void TupleWriter::BeginTuple(int columns) {
  buffer_.push_back(static_cast<char>(columns >> 8));
  buffer_.push_back(static_cast<char>(columns));
}

void TupleWriter::Null() { buffer_.append(kLengthBytes, '\xff'); }

void TupleWriter::BeginField() {
  field_at_ = buffer_.size();
  buffer_.append(kLengthBytes, '\0');
}

void TupleWriter::EndField() {
  const std::size_t length = buffer_.size() - field_at_ - kLengthBytes;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    buffer_[field_at_ + i] = static_cast<char>(length >> (8 * (kLengthBytes - 1 - i)));
  }
}

void TupleWriter::AbandonField() { buffer_.resize(field_at_); }

absl::StatusOr<std::vector<std::optional<absl::string_view>>> ReadTuple(absl::string_view tuple) {
  if (tuple.size() < kCountBytes) return Broken("no column count");
  const auto columns = static_cast<std::int16_t>(TakeBigEndian(tuple, kCountBytes));
  if (columns < 0) return Broken(absl::StrCat("column count ", columns));
  std::vector<std::optional<absl::string_view>> fields;
  for (int i = 0; i < columns; ++i) {
    if (tuple.size() < kLengthBytes) return Broken(absl::StrCat("ends before field ", i + 1, " of ", columns));
    const auto length = static_cast<std::int32_t>(TakeBigEndian(tuple, kLengthBytes));
    if (length == -1) {
      fields.push_back(std::nullopt);
      continue;
    }
    if (length < 0 || static_cast<std::size_t>(length) > tuple.size()) {
      return Broken(absl::StrCat("field ", i + 1, " has length ", length, ", ", tuple.size(), " bytes are left"));
    }
    fields.emplace_back(tuple.substr(0, length));
    tuple.remove_prefix(length);
  }
  if (!tuple.empty()) return Broken(absl::StrCat(tuple.size(), " bytes after the last field"));
  return fields;
}

}  // namespace vecferry::pgcopy
