#ifndef VECFERRY_VERIFIER_FINDINGS_H_
#define VECFERRY_VERIFIER_FINDINGS_H_
#include "common/core/findings.h"
namespace vecferry::verifier {
using core::Findings;
}
#endif  // VECFERRY_VERIFIER_FINDINGS_H_
