#ifndef VECFERRY_COMMON_BASE_STATUS_MACROS_H_
#define VECFERRY_COMMON_BASE_STATUS_MACROS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define VECFERRY_CONCAT_INNER(a, b) a##b
#define VECFERRY_CONCAT(a, b) VECFERRY_CONCAT_INNER(a, b)

// Returns the status of `expression` from the enclosing function unless it is OK.
#define RETURN_IF_ERROR(expression)                    \
  do {                                                 \
    absl::Status vecferry_status = (expression);       \
    if (!vecferry_status.ok()) return vecferry_status; \
  } while (false)

// Evaluates a StatusOr `expression`; returns its error, or moves its value into `declaration`.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_INNER(VECFERRY_CONCAT(vecferry_or_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_INNER(variable, declaration, expression) \
  auto variable = (expression);                                   \
  if (!variable.ok()) return std::move(variable).status();        \
  declaration = *std::move(variable)

#endif  // VECFERRY_COMMON_BASE_STATUS_MACROS_H_
