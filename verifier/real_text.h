#ifndef VECFERRY_VERIFIER_REAL_TEXT_H_
#define VECFERRY_VERIFIER_REAL_TEXT_H_

#include <string>

namespace vecferry::verifier {

// The fewest digits that read back as the same bits, as "-1.5e+20"; finite numbers only.
std::string ScientificText(double number);

// As SQLite casts a real to text, but with all digits: "5.0", "1.0e+20".
std::string SqliteText(double number);

// As Postgres writes them: "5", "1e+20", "Infinity", "NaN".
std::string PostgresText(double number);
std::string PostgresText(float number);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_REAL_TEXT_H_
