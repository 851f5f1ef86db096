#include "verifier/bytes.h"
#include "verifier/fields.h"
#include "verifier/utf8_walk.h"

namespace vecferry::verifier {
namespace {

constexpr std::uint32_t kTextOid = 25, kUuidOid = 2950;
constexpr std::uint32_t kNoValue = 0xffffffff;  // a length of -1
constexpr std::size_t kDimensionsMax = 6;       // Postgres' MAXDIM

// Takes from the front of a field; zeros once it is at its end.
class FieldReader {
 public:
  explicit FieldReader(absl::string_view field) : rest_(field) {}

  std::uint32_t Number() {
    const absl::string_view bytes = Bytes(4);
    return bytes.size() == 4 ? FromNetwork<std::uint32_t>(bytes.data()) : 0;
  }
  absl::string_view Bytes(std::size_t bytes) {
    ok_ = ok_ && bytes <= rest_.size();
    if (!ok_) return "";
    const absl::string_view taken = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return taken;
  }
  bool ok() const { return ok_; }
  std::size_t left() const { return rest_.size(); }

 private:
  absl::string_view rest_;
  bool ok_ = true;
};

bool IsElement(core::PgKind kind, absl::string_view bytes) {
  return kind == core::PgKind::kUuidArray ? bytes.size() == 16 : IsCleanText(bytes);
}

}  // namespace

std::optional<ArrayField> ParseArrayField(core::PgKind kind, absl::string_view field) {
  FieldReader reader(field);
  ArrayField array;
  const std::uint32_t dimensions = reader.Number(), has_nulls = reader.Number(), oid = reader.Number();
  if (!reader.ok() || dimensions > kDimensionsMax || has_nulls > 1) return std::nullopt;
  if (oid != (kind == core::PgKind::kUuidArray ? kUuidOid : kTextOid)) return std::nullopt;
  std::uint64_t elements = dimensions == 0 ? 0 : 1;
  for (std::uint32_t at = 0; at < dimensions; ++at) {
    const std::uint32_t size = reader.Number();
    array.dimensions.push_back({size, static_cast<std::int32_t>(reader.Number())});
    elements *= size;
    // Each element has its length.
    if (elements == 0 || elements > field.size() / 4) return std::nullopt;
  }
  for (std::uint64_t at = 0; at < elements; ++at) {
    const std::uint32_t bytes = reader.Number();
    if (bytes == kNoValue) {
      array.elements.emplace_back();
      continue;
    }
    array.elements.emplace_back(reader.Bytes(bytes));
    if (!IsElement(kind, *array.elements.back())) return std::nullopt;
  }
  if (!reader.ok() || reader.left() != 0) return std::nullopt;
  return array;
}

bool AppendArrayField(core::PgKind kind, absl::string_view field, std::string& out) {
  const std::optional<ArrayField> array = ParseArrayField(kind, field);
  if (!array) return false;
  if (array->dimensions.size() > 1 || (array->dimensions.size() == 1 && array->dimensions[0].lower_bound != 1)) {
    out.push_back(kOtherShape);
    out.append(field.data(), field.size());
    return true;
  }
  for (const std::optional<absl::string_view>& element : array->elements) {
    out.push_back(element ? '\1' : '\0');
    if (!element) continue;
    AppendNetwork(static_cast<std::uint32_t>(element->size()), out);
    out.append(element->data(), element->size());
  }
  return true;
}

}  // namespace vecferry::verifier
