#ifndef VECFERRY_VERIFIER_DIFFERENCE_TEXT_H_
#define VECFERRY_VERIFIER_DIFFERENCE_TEXT_H_

#include <string>
#include <vector>

#include "common/core/report.h"
#include "verifier/comparison.h"
#include "verifier/destination_rows.h"

namespace vecferry::verifier {

// The row's key as JSON: {"id": 7}.
std::string DescribeKey(const std::vector<ComparedColumn>& columns, const std::vector<int>& key, const RowImage& row);

// A row that differs, for people: its key as JSON, the columns, and both values, shortened to where they differ.
core::DifferenceReport DescribeRow(const std::string& table, const std::vector<ComparedColumn>& columns,
                                   const std::vector<int>& key, const DifferentRow& row);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_DIFFERENCE_TEXT_H_
