#include "common/rows/moved_values.h"

#include <nlohmann/json.hpp>

#include "common/core/migration.h"

namespace vecferry::rows {

void MovedValues::Clear() {
  source_id_.clear();
  elements_.clear();
  texts_.clear();
}

void MovedValues::KeepSourceId(const core::ValueView& id) { source_id_ = core::SourceKeyJson({"source_id"}, {id}); }

void MovedValues::KeepElements(const std::string& column, std::vector<std::string> elements) {
  elements_.emplace_back(column, std::move(elements));
}

void MovedValues::KeepText(const std::string& column, std::string text) {
  texts_.emplace_back(column, std::move(text));
}

std::string MovedValues::ToJson() const {
  if (empty()) return "{}";
  nlohmann::json moved = source_id_.empty() ? nlohmann::json::object() : nlohmann::json::parse(source_id_);
  for (const auto& [column, elements] : elements_) moved[column] = elements;
  for (const auto& [column, text] : texts_) moved[column] = text;
  // Elements and texts went through the text conversion: valid UTF-8 without NUL.
  return nlohmann::json{{"vecferry", std::move(moved)}}.dump();
}

}  // namespace vecferry::rows
