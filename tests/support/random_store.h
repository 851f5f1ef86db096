#ifndef VECFERRY_TESTS_SUPPORT_RANDOM_STORE_H_
#define VECFERRY_TESTS_SUPPORT_RANDOM_STORE_H_

#include <string>

#include "tests/support/random_texts.h"
#include "tests/support/sqlite_file.h"

namespace vecferry::testing {

// Fills `file` with one to four tables of random columns, keys and rows: all declared types, all storage classes, and
// now and then a value that its column cannot hold. Whatever the store is, a copy of it verifies.
void WriteRandomStore(RandomTexts& random, SqliteFile& file);

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_RANDOM_STORE_H_
