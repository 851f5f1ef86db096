#include <gtest/gtest.h>

#include "verifier/source_tables.h"

namespace vecferry::verifier {
namespace {

TEST(IsShadowNameTest, KnowsWhatEachModuleKeeps) {
  EXPECT_TRUE(IsShadowName("notes_fts_content", "notes_fts", "fts5"));
  EXPECT_TRUE(IsShadowName("vectors_vector_chunks00", "vectors", "vec0"));
  EXPECT_TRUE(IsShadowName("places_node", "places", "rtree"));
}

TEST(IsShadowNameTest, LeavesTablesThatMerelyBeginAlike) {
  EXPECT_FALSE(IsShadowName("notes_fts_archive", "notes_fts", "fts5"));
  EXPECT_FALSE(IsShadowName("notes_content", "notes_fts", "fts5"));
  EXPECT_FALSE(IsShadowName("vectors_rowids", "vectors", "unheard_of"));
}

}  // namespace
}  // namespace vecferry::verifier
