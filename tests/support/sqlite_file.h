#ifndef VECFERRY_TESTS_SUPPORT_SQLITE_FILE_H_
#define VECFERRY_TESTS_SUPPORT_SQLITE_FILE_H_

#include <string>
#include <vector>

struct sqlite3;

namespace vecferry::testing {

// A SQLite file that a test writes, in a folder of its own under the temporary folder; both go with the object.
// Statements that fail end the test program with SQLite's message. Not thread-safe.
class SqliteFile {
 public:
  SqliteFile();
  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  const std::string& path() const { return path_; }
  // Runs statements separated by semicolons.
  void Run(const std::string& sql);
  // Fields of the first column.
  std::vector<std::string> Query(const std::string& sql);
  // Closes the connection, so that the file is as an ended program leaves it. Run() opens it again.
  void Close();

 private:
  sqlite3* Open();
  std::string folder_;
  std::string path_;
  sqlite3* database_ = nullptr;
};

// x'...' of little-endian float32 numbers.
std::string VectorLiteral(const std::vector<float>& components);

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_SQLITE_FILE_H_
