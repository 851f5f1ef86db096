#ifndef VECFERRY_COMMON_CORE_VALUE_H_
#define VECFERRY_COMMON_CORE_VALUE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace vecferry::core {

// SQLite's storage classes (https://sqlite.org/datatype3.html).
enum class StorageClass : std::uint8_t { kNull, kInteger, kReal, kText, kBlob };

// A source value. Text and blob bytes are borrowed; whoever hands a ValueView out says for how long.
struct ValueView {
  StorageClass storage = StorageClass::kNull;
  std::int64_t integer = 0;  // kInteger only
  double real = 0;           // kReal only
  absl::string_view bytes;   // kText (as stored, not validated) and kBlob only

  static ValueView Null() { return {}; }
  static ValueView Integer(std::int64_t value) { return {StorageClass::kInteger, value, 0, {}}; }
  static ValueView Real(double value) { return {StorageClass::kReal, 0, value, {}}; }
  static ValueView Text(absl::string_view value) { return {StorageClass::kText, 0, 0, value}; }
  static ValueView Blob(absl::string_view value) { return {StorageClass::kBlob, 0, 0, value}; }
  bool is_null() const { return storage == StorageClass::kNull; }
};

// The same, owning its bytes.
struct Value {
  StorageClass storage = StorageClass::kNull;
  std::int64_t integer = 0;
  double real = 0;
  std::string bytes;

  Value() = default;
  explicit Value(const ValueView& view)
      : storage(view.storage), integer(view.integer), real(view.real), bytes(view.bytes) {}
  ValueView view() const { return {storage, integer, real, bytes}; }
};

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_VALUE_H_
