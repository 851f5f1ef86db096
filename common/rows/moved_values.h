#ifndef VECFERRY_COMMON_ROWS_MOVED_VALUES_H_
#define VECFERRY_COMMON_ROWS_MOVED_VALUES_H_

#include <string>
#include <utility>
#include <vector>

#include "common/core/value.h"

namespace vecferry::rows {

// What columns of one row moved away because the destination cannot hold it there: the content of the row's kMetadata
// column. Owns nothing but what it was given; cleared for each row. Not thread-safe.
class MovedValues {
 public:
  void Clear();
  bool empty() const { return source_id_.empty() && elements_.empty() && texts_.empty(); }
  void KeepSourceId(const core::ValueView& id);
  void KeepElements(const std::string& column, std::vector<std::string> elements);
  void KeepText(const std::string& column, std::string text);
  // {"vecferry": {"source_id": ..., COLUMN: [...] or "..."}}, or {} when empty. An id that JSON cannot hold is written
  // as
  // {"hex": ..., "type": ...}.
  std::string ToJson() const;

 private:
  std::string source_id_;  // JSON text {"source_id": ...}; "" = none
  std::vector<std::pair<std::string, std::vector<std::string>>> elements_;
  std::vector<std::pair<std::string, std::string>> texts_;
};

}  // namespace vecferry::rows

#endif  // VECFERRY_COMMON_ROWS_MOVED_VALUES_H_
