// What only a Vestige store has, spoilt in a copy of one: the model's registry row, a generated column. The
// verification names each, and nothing else.
#include "tests/support/corruption_fixture.h"
#include "tests/support/vestige_store.h"

namespace vecferry::testing {
namespace {

struct VestigeCorruption {
  bool registry = true;  // the source has a registry row; else the profile states one
  Corruption corruption;
};

void PrintTo(const VestigeCorruption& spoilt, std::ostream* out) {
  *out << spoilt.corruption.name << (spoilt.registry ? "" : ", stated by the profile");
}

class VestigeCorruptionTest : public CorruptionTest, public ::testing::WithParamInterface<VestigeCorruption> {};

TEST_P(VestigeCorruptionTest, IsNamedAlone) {
  MakeVestigeStore(source_, {.version = 18, .registry = GetParam().registry});
  ASSERT_NO_FATAL_FAILURE(CopyStore());
  ExpectNamedAlone(GetParam().corruption);
}

const Corruption kNoRegistryRow = {"the registry row missing", "DELETE FROM mem.embedding_model", {}};
const Corruption kOtherName = {
    "another model in the registry", "UPDATE mem.embedding_model SET name = 'test/model-other'", {}};
Corruption Told(Corruption corruption, const std::string& difference) {
  corruption.differences = {difference};
  return corruption;
}

const std::vector<VestigeCorruption> kRegistry = {
    {true, Told(kNoRegistryRow, "missing embedding_model ")},
    {true, Told(kOtherName, "differing embedding_model name")},
    {false, Told(kNoRegistryRow, "signature embedding_model name,dimension")},
    {false, Told(kOtherName, "signature embedding_model name,dimension")},
};

const std::vector<VestigeCorruption> kStructure = {
    {true,
     {"a generated column's expression changed",
      "ALTER TABLE mem.knowledge_nodes DROP COLUMN search_vec; ALTER TABLE mem.knowledge_nodes ADD COLUMN search_vec "
      "tsvector GENERATED ALWAYS AS (to_tsvector('pg_catalog.english'::regconfig, content)) STORED; CREATE INDEX "
      "idx_knowledge_nodes_search_vec ON mem.knowledge_nodes USING gin (search_vec)",
      {"structure knowledge_nodes search_vec"}}},
    {true,
     {"a generated column that is an ordinary one",
      "ALTER TABLE mem.knowledge_nodes ALTER search_vec DROP EXPRESSION",
      {"structure knowledge_nodes search_vec"}}},
};

INSTANTIATE_TEST_SUITE_P(Registry, VestigeCorruptionTest, ::testing::ValuesIn(kRegistry));
INSTANTIATE_TEST_SUITE_P(Structure, VestigeCorruptionTest, ::testing::ValuesIn(kStructure));

}  // namespace
}  // namespace vecferry::testing
