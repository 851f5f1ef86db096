// Another program writes to the store while it is carried: all arrives as it was when the command began.
#include <chrono>
#include <filesystem>
#include <optional>

#include "tests/support/migration_fixture.h"
#include "tests/support/other_program.h"

namespace vecferry::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
namespace fs = std::filesystem;

constexpr char kRewrite[] =
    "db.executescript('''BEGIN; UPDATE notes SET body = 'new'; DELETE FROM notes WHERE id > 3000;"
    "INSERT INTO people (name) VALUES ('new'); COMMIT''')\n";

// A store that nobody wrote lately, with notes long enough that the writer's back-pressure stops the readers midway.
class WrittenMeanwhileTest : public MigrationTest {
 protected:
  void WriteLongNotes() {
    WriteStore(6000);
    source_.Run("UPDATE notes SET body = 'old' || printf('%08000d', id)");
    source_.Close();
    fs::last_write_time(source_.path(), fs::file_time_type::clock::now() - std::chrono::minutes(11));
  }

  // A migration that is held up at its first commits until `meanwhile` has run.
  void RunWhile(LoopbackCluster::Options options, const std::function<void(sqlite::Snapshot&)>& meanwhile) {
    std::optional<Gate> gate(std::in_place, database_, 500);
    options.commit_group_bytes = 1;
    LoopbackCluster cluster(options);
    EXPECT_FALSE(cluster.snapshot().is_copy());
    const absl::StatusOr<core::Report> report = cluster.Run(cluster.Request(), [&](const core::Report&) {
      if (!gate || !gate->reached()) return true;
      meanwhile(cluster.snapshot());
      gate.reset();
      return true;
    });
    ASSERT_THAT(report, IsOk());
    EXPECT_FALSE(gate) << "nothing happened meanwhile";
    EXPECT_TRUE(cluster.snapshot().is_copy());
    EXPECT_EQ(report->state, core::State::kVerified) << report->failure;
    EXPECT_THAT(FailedChecks(*report), IsEmpty());
    EXPECT_EQ(Table(*report, "notes").counters.read, 6000);
  }

  void ExpectTheOldInstant() {
    EXPECT_THAT(Query("SELECT count(*), count(DISTINCT id), sum(id), count(*) FILTER (WHERE body LIKE 'old%'), "
                      "count(*) FILTER (WHERE right(body, 8)::int = id) FROM mem.notes"),
                ElementsAre("6000|6000|18003000|6000|6000"));
    EXPECT_THAT(Query("SELECT string_agg(name, ' ' ORDER BY id) FROM mem.people"), ElementsAre("Ada Grace"));
  }
};

TEST_F(WrittenMeanwhileTest, LetsAWriterCommitBeforeTheMigrationEnds) {
  WriteLongNotes();
  RunWhile(Options(), [&](sqlite::Snapshot&) {
    EXPECT_EQ(OtherProgram(source_.path(), kRewrite).Wait(), 0) << "waited too long";
  });
  ExpectTheOldInstant();
  EXPECT_THAT(source_.Query("SELECT count(*) FROM notes WHERE body = 'new'"), ElementsAre("3000"));
}

TEST_F(WrittenMeanwhileTest, LetsALogBeCutBeforeTheMigrationEnds) {
  source_.Run("PRAGMA journal_mode = WAL");
  WriteLongNotes();
  LoopbackCluster::Options options = Options();
  options.snapshot.wal_bytes_max = 1 << 20;
  RunWhile(options, [&](sqlite::Snapshot& snapshot) {
    EXPECT_EQ(OtherProgram(source_.path(), kRewrite).Wait(), 0);
    while (!snapshot.is_copy()) std::this_thread::yield();
    EXPECT_EQ(
        OtherProgram(source_.path(), "sys.exit(db.execute('PRAGMA wal_checkpoint(TRUNCATE)').fetchone()[0])").Wait(),
        0);
    EXPECT_EQ(fs::file_size(source_.path() + "-wal"), 0U);
  });
  ExpectTheOldInstant();
}

}  // namespace
}  // namespace vecferry::testing
