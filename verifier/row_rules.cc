#include "verifier/row_rules.h"

#define XXH_INLINE_ALL  // the hash state lives on the stack: no allocation a row
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/core/migration.h"
#include "common/core/record.h"

namespace vecferry::verifier {
namespace {

using core::Conversion;
using core::StorageClass;
using core::ValueView;
using Result = Reading::Result;

bool Fits(const Reading& reading) { return reading.result == Result::kExact || reading.result == Result::kRounded; }

std::optional<std::string> CanonicalOf(const std::optional<std::string>& text, const core::PgType& type) {
  std::string canonical;
  if (!text) return std::nullopt;
  const Result result = ReadValue(ValueView::Text(*text), type, canonical).result;
  return result == Result::kUnfit || result == Result::kNull ? std::nullopt : std::optional(canonical);
}

// A row's size as --max-row-bytes means it: the bytes of texts and blobs, 8 for each other value.
std::int64_t RowBytes(absl::Span<const ValueView> inputs) {
  std::int64_t bytes = 0;
  for (const ValueView& value : inputs) {
    const bool has_bytes = value.storage == StorageClass::kText || value.storage == StorageClass::kBlob;
    bytes += has_bytes ? static_cast<std::int64_t>(value.bytes.size()) : 8;
  }
  return bytes;
}

// Bytes of a canonical numeric as Postgres sends it: 8 of head, then 2 for each four digits on either side of the
// point, without groups of zeros at both ends.
std::int64_t NumericWireBytes(absl::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  std::string whole(text.substr(0, point)), fraction(text.substr(std::min(point + 1, text.size())));
  whole.erase(std::remove(whole.begin(), whole.end(), '-'), whole.end());
  if (whole == "NaN") return 8;
  whole.insert(0, (4 - whole.size() % 4) % 4, '0');
  fraction.append((4 - fraction.size() % 4) % 4, '0');
  const std::string digits = whole + fraction;
  std::size_t first = digits.find_first_not_of('0'), last = digits.find_last_not_of('0');
  if (first == std::string::npos) return 8;
  return 8 + 2 * static_cast<std::int64_t>(last / 4 - first / 4 + 1);
}

// Bytes of a key's field in a tuple, its length word included (docs/conversions.md, "Keys").
std::int64_t KeyBytes(const core::PgType& type, absl::string_view canonical, const ValueView* value) {
  auto bytes = static_cast<std::int64_t>(canonical.size());
  if (type.kind == core::PgKind::kNumeric) bytes = NumericWireBytes(canonical);
  if (type.kind == core::PgKind::kJsonb && value != nullptr && value->storage == StorageClass::kText) {
    bytes = 1 + static_cast<std::int64_t>(value->bytes.size());  // its version, and the text as it was written
  }
  return bytes + 4;
}

void AppendBigEndian(std::uint64_t number, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

// The hash of a source row, as docs/wire_format.md has it.
std::string SourceRowHash(absl::Span<const ValueView> inputs) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_128bits_reset(&state);
  std::string head;
  for (const ValueView& value : inputs) {
    head.assign(1, static_cast<char>(value.storage));
    switch (value.storage) {
      case StorageClass::kNull: AppendBigEndian(0, head); break;
      case StorageClass::kInteger: AppendBigEndian(static_cast<std::uint64_t>(value.integer), head); break;
      case StorageClass::kReal: AppendBigEndian(std::bit_cast<std::uint64_t>(value.real), head); break;
      default: AppendBigEndian(value.bytes.size(), head);
    }
    XXH3_128bits_update(&state, head.data(), head.size());
    XXH3_128bits_update(&state, value.bytes.data(), value.bytes.size());
  }
  const XXH128_hash_t hash = XXH3_128bits_digest(&state);
  std::string bytes;
  AppendBigEndian(hash.high64, bytes);
  AppendBigEndian(hash.low64, bytes);
  return bytes;
}

}  // namespace

RowRules::RowRules(const core::Mapping& mapping, std::int64_t row_bytes_max)
    : mapping_(mapping),
      row_bytes_max_(row_bytes_max),
      duplicates_(mapping.duplicates.begin(), mapping.duplicates.end()) {
  for (const core::Column& column : mapping.columns) {
    const auto& key = mapping.conflict_key;
    columns_.push_back({column, std::find(key.begin(), key.end(), column.name) != key.end(),
                        CanonicalOf(column.fallback, column.type), CanonicalOf(column.null_value, column.type)});
  }
}

const Ruling& RowRules::RuleOn(absl::Span<const ValueView> key, absl::Span<const ValueView> inputs, RowImage& row) {
  ruling_ = {};
  moved_.clear();
  row.Clear();
  if (IsRuledOut(key, inputs)) return ruling_;
  std::int64_t key_bytes = 0;
  for (const Prepared& prepared : columns_) {
    if (!AddField(prepared, inputs, row)) return ruling_;
    if (!prepared.is_key) continue;
    const ValueView* const value =
        prepared.column.input < 0 ? nullptr : &inputs[static_cast<std::size_t>(prepared.column.input)];
    key_bytes += KeyBytes(prepared.column.type, row.field(row.fields() - 1).value_or(""), value);
    if (key_bytes > core::kKeyBytesMax) {
      Reject("too_long");
      return ruling_;
    }
  }
  ruling_.carried = true;
  return ruling_;
}

bool RowRules::IsRuledOut(absl::Span<const ValueView> key, absl::Span<const ValueView> inputs) {
  if (RowBytes(inputs) > row_bytes_max_) return !Reject("too_large");
  if (duplicates_.empty() || !duplicates_.contains(core::EncodeRecord(key))) return false;
  return !Reject("duplicate_key");
}

// False: the row is rejected.
bool RowRules::AddField(const Prepared& prepared, absl::Span<const ValueView> inputs, RowImage& row) {
  const core::Column& column = prepared.column;
  if (column.conversion == Conversion::kRowHash) {
    AddRowHash(inputs, row);
    return true;
  }
  if (column.conversion == Conversion::kMetadata) {
    AddMetadata(row);
    return true;
  }
  const ValueView& value = inputs[static_cast<std::size_t>(column.input)];
  if (value.is_null()) return AddNull(prepared, inputs, row);
  if (column.conversion != Conversion::kNatural && column.conversion != Conversion::kMainVector) {
    AddId(prepared, value, row);
    return true;
  }
  row.BeginField();
  const Reading reading = Read(column, value, row);
  if (column.conversion == Conversion::kMainVector) {
    // What is wrong with it is told where all embeddings are carried.
    if (Fits(reading)) {
      row.EndField();
    } else {
      row.AbandonField();
      row.AddNull();
    }
    return true;
  }
  if (reading.result == Result::kUnfit) {
    row.AbandonField();
    return AddFallback(prepared, reading.kind, inputs, row);
  }
  row.EndField();
  if (reading.result == Result::kRounded) ++ruling_.values_rounded;
  if (reading.result == Result::kRepaired) Repair(column, reading.kind);
  return true;
}

bool RowRules::AddNull(const Prepared& prepared, absl::Span<const ValueView> inputs, RowImage& row) {
  if (prepared.null_value) {
    row.Add(*prepared.null_value);
  } else if (prepared.is_key || prepared.column.not_null) {
    return AddFallback(prepared, prepared.is_key ? "null_key" : "null_value", inputs, row);
  } else {
    row.AddNull();
  }
  return true;
}

bool RowRules::AddFallback(const Prepared& prepared, absl::string_view kind, absl::Span<const ValueView> inputs,
                           RowImage& row) {
  const core::Column& column = prepared.column;
  for (const int input : column.fallback_inputs) {
    row.BeginField();
    if (Fits(ReadValue(inputs[static_cast<std::size_t>(input)], column.type, row.buffer()))) {
      row.EndField();
      Repair(column, kind);
      return true;
    }
    row.AbandonField();
  }
  if (prepared.fallback) {
    row.Add(*prepared.fallback);
  } else if (prepared.is_key || column.not_null) {
    return Reject(kind);
  } else {
    row.AddNull();
  }
  Repair(column, kind);
  return true;
}

void RowRules::AddId(const Prepared& prepared, const ValueView& value, RowImage& row) {
  row.BeginField();
  const Reading reading = ReadId(value, row.buffer());
  row.EndField();
  const core::Column& column = prepared.column;
  // Who only refers to an id says nothing: the id's own row does.
  if (reading.result != Result::kRepaired || column.conversion == Conversion::kIdReference) return;
  if (column.conversion == Conversion::kId) {
    const std::string original = core::SourceKeyJson({"source_id"}, {value});
    moved_["source_id"] = nlohmann::json::parse(original)["source_id"].dump();
  }
  Repair(column, reading.kind);
}

void RowRules::AddMetadata(RowImage& row) {
  std::string json = "{}";
  if (!moved_.empty()) {
    json = absl::StrCat("{\"vecferry\":{",
                        absl::StrJoin(moved_, ",",
                                      [](std::string* out, const auto& entry) {
                                        absl::StrAppend(out, nlohmann::json(entry.first).dump(), ":", entry.second);
                                      }),
                        "}}");
  }
  row.BeginField();
  ReadValue(ValueView::Text(json), {core::PgKind::kJsonb}, row.buffer());
  row.EndField();
}

void RowRules::AddRowHash(absl::Span<const ValueView> inputs, RowImage& row) { row.Add(SourceRowHash(inputs)); }

// By the column's type; what is too long for an index moves to the metadata.
Reading RowRules::Read(const core::Column& column, const ValueView& value, RowImage& row) {
  std::string& out = row.buffer();
  const auto bound = static_cast<std::size_t>(column.element_bytes_max);
  if (bound > 0 && column.type.kind == core::PgKind::kTextArray) {
    std::vector<std::string> moved;
    const Reading reading = ReadTextArray(value, bound, out, &moved);
    if (!moved.empty() && reading.result != Result::kUnfit) moved_[column.name] = nlohmann::json(moved).dump();
    return reading;
  }
  const std::size_t before = out.size();
  const Reading reading = ReadValue(value, column.type, out);
  if (bound == 0 || column.type.kind != core::PgKind::kText || out.size() - before <= bound) return reading;
  moved_[column.name] = nlohmann::json(out.substr(before)).dump();
  return {Result::kUnfit, "too_long"};
}

// One source column that fills two destination columns is told once.
void RowRules::Repair(const core::Column& column, absl::string_view kind) {
  const std::string& name = mapping_.inputs[static_cast<std::size_t>(column.input)].source_column;
  for (const ExpectedRepair& told : ruling_.repairs) {
    if (told.kind == kind && mapping_.inputs[static_cast<std::size_t>(told.input)].source_column == name) return;
  }
  ruling_.repairs.push_back({column.input, kind});
}

// Returns false: nothing more is to be said of the row.
bool RowRules::Reject(absl::string_view kind) {
  ruling_ = {};
  ruling_.kind = std::string(kind);
  return false;
}

}  // namespace vecferry::verifier
