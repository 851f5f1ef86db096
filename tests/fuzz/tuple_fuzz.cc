// COPY tuples: what was read writes the same bytes again.
#include "common/pgcopy/tuple.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace pgcopy = vecferry::pgcopy;
  const absl::string_view bytes = vecferry::testing::AsText(data, size);
  const auto fields = pgcopy::ReadTuple(bytes);
  if (!fields.ok()) return 0;
  std::string written;
  pgcopy::TupleWriter writer(written);
  writer.BeginTuple(static_cast<int>(fields->size()));
  for (const auto& field : *fields) {
    if (!field) {
      writer.Null();
      continue;
    }
    writer.BeginField();
    writer.buffer().append(field->data(), field->size());
    writer.EndField();
  }
  vecferry::testing::Require(written == bytes, "a tuple is written as it was read");
  return 0;
}
