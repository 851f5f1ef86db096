// Records: what was decoded encodes to something that decodes to the same; any bytes are either that or an error.
#include "common/core/record.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using vecferry::testing::Require;
  namespace core = vecferry::core;
  const auto values = core::DecodeRecord(vecferry::testing::AsText(data, size));
  if (!values.ok()) return 0;
  std::vector<core::ValueView> views;
  for (const core::Value& value : *values) views.push_back(value.view());
  const std::string record = core::EncodeRecord(views);
  const auto again = core::DecodeRecord(record);
  Require(again.ok() && again->size() == values->size(), "a record decodes");
  std::vector<core::ValueView> views_again;
  for (const core::Value& value : *again) views_again.push_back(value.view());
  Require(core::EncodeRecord(views_again) == record, "one value has one encoding");
  Require(core::HashRow(views) == core::HashRow(views_again), "equal rows have equal hashes");
  return 0;
}
