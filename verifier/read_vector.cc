#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "verifier/bytes.h"
#include "verifier/decimal_text.h"
#include "verifier/half.h"
#include "verifier/json_tokens.h"
#include "verifier/read_rules.h"
#include "verifier/vector_bytes.h"

namespace vecferry::verifier {
namespace {

using core::StorageClass;

// "" when a vector of the type can have so many components.
absl::string_view FaultOfLength(std::size_t components, int dimension) {
  if (components == 0) return "vector_length";
  if (components > kVectorComponentsMax) return "vector_too_long";
  if (dimension > 0 && components != static_cast<std::size_t>(dimension)) return "vector_dimension";
  return "";
}

absl::string_view FaultOfBlob(absl::string_view blob, int dimension) {
  return blob.size() % sizeof(float) != 0 ? "vector_length" : FaultOfLength(blob.size() / sizeof(float), dimension);
}

// What becomes of a float.
struct Component {
  bool finite = true, said = true;
};

Component AppendFloat(float number, std::string& out) {
  AppendNetwork(std::bit_cast<std::uint32_t>(number), out);
  return {std::isfinite(number), true};
}

Component AppendHalf(float number, std::string& out) {
  if (!std::isfinite(number)) return {false, false};
  const std::uint16_t half = NearestHalf(number);
  AppendNetwork(half, out);
  return {(half & kHalfInfinity) != kHalfInfinity, NumberOfHalf(half) == number};
}

// A vector that is being written, component by component.
class Writer {
 public:
  using Append = Component (*)(float number, std::string& out);
  Writer(Append append, std::string& out) : append_(append), out_(out), begin_(out.size()) {}

  // False: it cannot be stored.
  bool Add(float number, bool said) {
    const Component component = append_(number, out_);
    said_ &= said && component.said;
    return component.finite;
  }
  Reading Unfit(absl::string_view fault) {
    out_.resize(begin_);
    return verifier::Unfit(fault);
  }
  Reading Finish() const { return said_ ? Exact() : Rounded(); }

 private:
  const Append append_;
  std::string& out_;
  const std::size_t begin_;
  bool said_ = true;
};

// A JSON array of numbers. What is wrong first in the text names the fault.
Reading FromJson(absl::string_view json, int dimension, Writer::Append append, std::string& out) {
  JsonTokens tokens(json);
  if (tokens.Next().kind != JsonToken::Kind::kBeginArray) return Unfit("vector_not_blob");
  std::vector<float> floats;
  bool said = true;
  JsonToken token = tokens.Next();
  for (; token.kind == JsonToken::Kind::kNumber; token = tokens.Next()) {
    const Decimal decimal = *ParseDecimal(token.text);
    floats.push_back(NearestFloat(decimal));
    if (std::isinf(floats.back())) return Unfit("vector_not_finite");
    said &= Says(floats.back(), decimal);
  }
  if (token.kind != JsonToken::Kind::kEndArray || tokens.Next().kind != JsonToken::Kind::kEnd) {
    return Unfit("vector_not_blob");
  }
  const absl::string_view fault = FaultOfLength(floats.size(), dimension);
  if (!fault.empty()) return Unfit(fault);
  Writer vector(append, out);
  AppendVectorHeader(floats.size(), out);
  for (const float number : floats) {
    if (!vector.Add(number, said)) return vector.Unfit("vector_not_finite");
  }
  return vector.Finish();
}

}  // namespace

Reading ReadVector(const core::ValueView& value, int dimension, std::string& out) {
  if (value.storage == StorageClass::kText) return FromJson(value.bytes, dimension, AppendFloat, out);
  if (value.storage != StorageClass::kBlob) return Unfit("vector_not_blob");
  const absl::string_view fault = FaultOfBlob(value.bytes, dimension);
  if (!fault.empty()) return Unfit(fault);
  const std::size_t begin = out.size();
  AppendVectorHeader(value.bytes.size() / sizeof(float), out);
  if (AppendTurned(value.bytes, out)) return Exact();
  out.resize(begin);
  return Unfit("vector_not_finite");
}

Reading ReadHalfvec(const core::ValueView& value, int dimension, std::string& out) {
  if (value.storage == StorageClass::kText) return FromJson(value.bytes, dimension, AppendHalf, out);
  if (value.storage != StorageClass::kBlob) return Unfit("vector_not_blob");
  const absl::string_view fault = FaultOfBlob(value.bytes, dimension);
  if (!fault.empty()) return Unfit(fault);
  Writer vector(AppendHalf, out);
  AppendVectorHeader(value.bytes.size() / sizeof(float), out);
  for (std::size_t at = 0; at < value.bytes.size(); at += sizeof(float)) {
    float number;
    std::memcpy(&number, value.bytes.data() + at, sizeof(number));
    if (!vector.Add(number, true)) return vector.Unfit("vector_not_finite");
  }
  return vector.Finish();
}

}  // namespace vecferry::verifier
