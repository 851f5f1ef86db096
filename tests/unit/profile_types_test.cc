#include <gtest/gtest.h>

#include "common/profile/names.h"
#include "common/profile/types.h"
#include "common/profile/vectors.h"

namespace vecferry::profile {
namespace {

struct DeclarationCase {
  const char* declared;
  const char* type;
  bool checked;
};

class DeclarationTest : public ::testing::TestWithParam<DeclarationCase> {};

TEST_P(DeclarationTest, HasTheTypeOfTheRules) {
  const Declaration declaration = ReadDeclaration(GetParam().declared);
  EXPECT_EQ(core::ToString(declaration.type), GetParam().type);
  EXPECT_EQ(declaration.checked, GetParam().checked);
}

INSTANTIATE_TEST_SUITE_P(
    Declared, DeclarationTest,
    ::testing::Values(DeclarationCase{"INTEGER", "bigint", false}, DeclarationCase{"int", "bigint", false},
                      DeclarationCase{"UNSIGNED BIG INT", "bigint", false},
                      DeclarationCase{"TINYINT(1)", "bigint", false}, DeclarationCase{"BIGINT", "bigint", false},
                      DeclarationCase{"REAL", "double precision", false},
                      DeclarationCase{"DOUBLE PRECISION", "double precision", false},
                      DeclarationCase{"FLOAT", "double precision", false},
                      DeclarationCase{"VARCHAR(20)", "text", false}, DeclarationCase{"CLOB", "text", false},
                      DeclarationCase{"BLOB", "bytea", false}, DeclarationCase{"NUMERIC", "numeric", true},
                      DeclarationCase{"DECIMAL(10,5)", "numeric", true}, DeclarationCase{"BOOLEAN", "boolean", true},
                      DeclarationCase{"DATETIME", "timestamptz", true}, DeclarationCase{"JSON", "jsonb", true},
                      DeclarationCase{"UUID", "uuid", true}, DeclarationCase{"POINT", "bigint", true},
                      DeclarationCase{"", "text", true}, DeclarationCase{"ANY", "text", true}));

struct DefaultCase {
  const char* sql;
  core::PgKind kind;
  const char* translated;
};

class DefaultTest : public ::testing::TestWithParam<DefaultCase> {};

TEST_P(DefaultTest, IsTheSameValueOrNone) {
  EXPECT_EQ(TranslateDefault(GetParam().sql, {GetParam().kind}), GetParam().translated);
}

INSTANTIATE_TEST_SUITE_P(
    Defaults, DefaultTest,
    ::testing::Values(DefaultCase{"5", core::PgKind::kInt8, "'5'"}, DefaultCase{"(-5)", core::PgKind::kInt8, "'-5'"},
                      DefaultCase{"0.1542", core::PgKind::kFloat8, "'0.1542'"},
                      DefaultCase{"'it''s'", core::PgKind::kText, "'it''s'"},
                      DefaultCase{"FALSE", core::PgKind::kBool, "false"}, DefaultCase{"1", core::PgKind::kBool, "true"},
                      DefaultCase{"'[]'", core::PgKind::kJsonb, "'[]'"},
                      DefaultCase{"x'00ff'", core::PgKind::kBytea, "'\\x00ff'::bytea"},
                      DefaultCase{"CURRENT_TIMESTAMP", core::PgKind::kTimestamptz, "now()"},
                      DefaultCase{"(datetime('now'))", core::PgKind::kText,
                                  "to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"},
                      DefaultCase{"'abc'", core::PgKind::kInt8, ""}, DefaultCase{"'a' || 'b'", core::PgKind::kText, ""},
                      DefaultCase{"random()", core::PgKind::kInt8, ""}, DefaultCase{"{", core::PgKind::kJsonb, ""}));

TEST(NameSetTest, KeepsWhatPostgresTakes) {
  NameSet names;
  EXPECT_EQ(names.Add("Order Items"), "Order Items");
  EXPECT_EQ(names.Add("order items"), "order items");  // differs by case only: stays two
  EXPECT_EQ(names.Add("oid"), "oid");
}

TEST(NameSetTest, CutsLongNamesAtACharacterAndKeepsThemApart) {
  NameSet names;
  const std::string one = std::string(53, 'a') + "\xc3\xa9" + std::string(40, 'x');
  const std::string first = names.Add(one), second = names.Add(one + "y");
  EXPECT_LE(first.size(), 63U);
  EXPECT_LE(second.size(), 63U);
  EXPECT_NE(first, second);
  EXPECT_EQ(first.substr(0, 54), std::string(53, 'a') + "_");  // not half of the é
  EXPECT_EQ(NameSet().Add(one), first);                        // the same in every run
}

TEST(NameSetTest, RenamesSystemColumnsAndEmptyNames) {
  NameSet names;
  EXPECT_NE(names.Add("ctid"), "ctid");
  EXPECT_NE(names.Add("tableoid"), "tableoid");
  EXPECT_FALSE(names.Add("").empty());
}

TEST(VectorNameTest, IsAWordOfItsOwn) {
  for (const char* name : {"embedding", "Vector", "vec", "text_embedding", "title_vector", "centroid", "emb"}) {
    EXPECT_TRUE(HasVectorName(name)) << name;
  }
  for (const char* name : {"content", "vectorised_at_all", "member", "remembered"}) {
    EXPECT_FALSE(HasVectorName(name)) << name;
  }
}

}  // namespace
}  // namespace vecferry::profile
