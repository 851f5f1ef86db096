#ifndef VECFERRY_TESTS_SUPPORT_VESTIGE_SCHEMA_H_
#define VECFERRY_TESTS_SUPPORT_VESTIGE_SCHEMA_H_

#include <string>

namespace vecferry::testing {

// The statements that make an empty Vestige store of a schema version, 1 to 32.
std::string VestigeSchema(int version);

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_VESTIGE_SCHEMA_H_
