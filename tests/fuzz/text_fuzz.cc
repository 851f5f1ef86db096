// What people and the ledger are shown: valid UTF-8 without control characters, and JSON that a parser takes.
#include <nlohmann/json.hpp>

#include "common/core/migration.h"
#include "common/core/utf8.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace core = vecferry::core;
  using vecferry::testing::Require;
  const absl::string_view bytes = vecferry::testing::AsText(data, size);
  const std::string shown = core::SanitizeText(bytes);
  Require(core::ValidUtf8Prefix(shown) == shown.size(), "shown text is UTF-8");
  for (const char c : shown) {
    Require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "shown text has no control characters");
  }
  Require(core::SanitizeText(shown) == shown, "shown text is shown as it is");
  const std::size_t half = size / 2;
  const std::string key =
      core::SourceKeyJson({std::string(bytes.substr(0, half)), "b"},
                          {core::ValueView::Text(bytes.substr(half)), core::ValueView::Blob(bytes.substr(0, half))});
  Require(nlohmann::json::accept(key), "a source key is JSON");
  return 0;
}
