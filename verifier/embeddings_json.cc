#include "verifier/embeddings_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"

namespace vecferry::verifier {
namespace {

using nlohmann::json;

absl::StatusOr<std::vector<float>> ReadEmbedding(const json& entry, std::size_t index) {
  const auto embedding = entry.find("embedding");
  if (embedding == entry.end() || !embedding->is_array() || embedding->empty()) {
    return absl::InvalidArgumentError(absl::StrCat("text ", index, " has no array of numbers \"embedding\""));
  }
  std::vector<float> vector;
  for (const json& number : *embedding) {
    vector.push_back(number.is_number() ? number.get<float>() : NAN);
    if (!std::isfinite(vector.back())) {
      return absl::InvalidArgumentError(
          absl::StrCat("number ", vector.size(), " of the vector of text ", index, " is no finite number"));
    }
  }
  return vector;
}

}  // namespace

std::string EmbeddingsRequest(const std::string& model, absl::Span<const std::string> texts) {
  json request = {{"model", model}, {"input", json::array()}};
  for (const std::string& text : texts) request["input"].push_back(text);
  return request.dump(-1, ' ', false, json::error_handler_t::replace);
}

absl::StatusOr<std::vector<std::vector<float>>> ReadEmbeddings(absl::string_view text, std::size_t count) {
  const json answer = json::parse(text.begin(), text.end(), nullptr, false);
  if (answer.is_discarded()) return absl::InvalidArgumentError("this is no JSON");
  const auto data = answer.is_object() ? answer.find("data") : answer.end();
  if (data == answer.end() || !data->is_array()) return absl::InvalidArgumentError("there is no array \"data\"");
  if (data->size() != count) {
    return absl::InvalidArgumentError(absl::StrCat("these are ", data->size(), " vectors for ", count, " texts"));
  }
  std::vector<std::vector<float>> vectors(count);
  for (std::size_t place = 0; place < count; ++place) {
    const json& entry = data->at(place);
    const json index = entry.is_object() ? entry.value("index", json(place)) : json();
    if (!index.is_number_unsigned() || index.get<std::size_t>() >= count ||
        !vectors[index.get<std::size_t>()].empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("entry ", place, " of \"data\" has no index of its own below ", count));
    }
    std::vector<float>& vector = vectors[index.get<std::size_t>()];
    ASSIGN_OR_RETURN(vector, ReadEmbedding(entry, index.get<std::size_t>()));
    if (vector.size() != vectors[data->front().value("index", std::size_t{0})].size()) {
      return absl::InvalidArgumentError("the vectors have different dimensions");
    }
  }
  return vectors;
}

}  // namespace vecferry::verifier
