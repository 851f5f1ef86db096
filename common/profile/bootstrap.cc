#include "common/profile/bootstrap.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/convert/convert.h"
#include "common/profile/source.h"
#include "common/profile/vestige_tables.h"

namespace vecferry::profile {
namespace {

constexpr char kLocalUser[] = "00000000-0000-0000-0000-000000000001";

void AddFunctions(Draft& draft) {
  draft.plan.setup_sql.push_back(
      absl::StrCat("CREATE OR REPLACE FUNCTION ", draft.Qualified(kJoinTagsFunction),
                   "(tags text[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS "
                   "$$ SELECT pg_catalog.left(pg_catalog.array_to_string(tags, ' '), 20000) $$"));
  draft.plan.setup_sql.push_back(absl::StrCat("CREATE OR REPLACE FUNCTION ", draft.Qualified(kTouchFunction),
                                              "() RETURNS trigger LANGUAGE plpgsql AS "
                                              "$$ BEGIN NEW.updated_at := pg_catalog.now(); RETURN NEW; END $$"));
  // Made at finish: while rows are carried it would put the present in place of their times.
  draft.FindTable("knowledge_nodes")
      ->triggers.push_back(
          {"trg_knowledge_nodes_updated_at",
           absl::StrCat("BEFORE UPDATE ON $0 FOR EACH ROW EXECUTE FUNCTION ", draft.Qualified(kTouchFunction), "()")});
}

// Sets the owner of the memories that this migration brings.
void SetOwner(Draft& draft, const std::string& owner) {
  for (DraftColumn& column : draft.FindTable("knowledge_nodes")->columns) {
    if (column.name == "owner_user_id") column.default_sql = core::QuoteLiteral(owner);
  }
}

std::string UuidText(const std::string& bytes) {
  const std::string hex = absl::BytesToHexString(bytes);
  return absl::StrCat(hex.substr(0, 8), "-", hex.substr(8, 4), "-", hex.substr(12, 4), "-", hex.substr(16, 4), "-",
                      hex.substr(20));
}

// The id of the source's own user `local`, or of whoever has the bootstrap user's id; nullopt: neither is there.
absl::StatusOr<std::optional<std::string>> FindSourceOwner(const Draft& draft) {
  using Answer = std::optional<std::string>;
  for (const core::Mapping& mapping : draft.plan.mappings) {
    if (mapping.destination_table != "users") continue;
    ASSIGN_OR_RETURN(const core::Value id, draft.input.source.QueryValue(
                                               absl::StrCat("SELECT id FROM users WHERE handle = 'local' OR id = '",
                                                            kLocalUser, "' ORDER BY handle = 'local' DESC LIMIT 1")));
    std::string bytes;
    if (!id.view().is_null()) {
      convert::ToId(id.view(), bytes);
      return Answer(UuidText(bytes));
    }
  }
  return Answer();
}

absl::Status AddOwner(Draft& draft) {
  ASSIGN_OR_RETURN(const std::optional<std::string> owner, FindSourceOwner(draft));
  if (owner) {
    SetOwner(draft, *owner);
    return absl::OkStatus();
  }
  const std::string users = draft.Qualified("users");
  draft.plan.seed_sql.push_back(absl::StrCat("INSERT INTO ", users, " (id, handle, display_name) SELECT '", kLocalUser,
                                             "', 'local', 'Local User' "
                                             "WHERE NOT EXISTS (SELECT FROM ",
                                             users, " WHERE id = '", kLocalUser, "' OR handle = 'local')"));
  if (draft.Existing("users") == nullptr || draft.Existing("knowledge_nodes") != nullptr) return absl::OkStatus();
  // Whoever has the handle there owns the memories.
  draft.plan.seed_sql.push_back(
      absl::StrCat("DO $do$ DECLARE owner uuid; BEGIN SELECT id INTO owner FROM ", users,
                   " WHERE handle = 'local'; "
                   "IF owner IS NOT NULL THEN EXECUTE pg_catalog.format(",
                   core::QuoteLiteral(absl::StrCat("ALTER TABLE ", draft.Qualified("knowledge_nodes"),
                                                   " ALTER COLUMN owner_user_id SET DEFAULT %L")),
                   ", owner); END IF; END $do$"));
  return absl::OkStatus();
}

void AddRegistryRow(Draft& draft, const MainModel& main) {
  if (!main.model || main.from_destination) return;
  const bool carried = draft.carried.count("embedding_model") != 0;
  if (carried && main.registry) return;
  const std::string table = draft.Qualified("embedding_model");
  draft.plan.seed_sql.push_back(absl::StrCat("INSERT INTO ", table, " (id, name, dimension, hash) SELECT 1, ",
                                             core::QuoteLiteral(main.model->name), ", ", main.model->dimension,
                                             ", '' WHERE NOT EXISTS (SELECT FROM ", table, ")"));
  draft.Note(absl::StrCat("the source's registry has no row: embedding_model states ", main.model->name, ", ",
                          main.model->dimension, " dimensions, inferred from its vectors, with an empty hash"));
}

}  // namespace

absl::Status AddBootstrap(Draft& draft, const MainModel& main) {
  if (draft.Existing("knowledge_nodes") == nullptr) AddFunctions(draft);
  AddRegistryRow(draft, main);
  return AddOwner(draft);
}

}  // namespace vecferry::profile
