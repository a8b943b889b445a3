#include "tests/e2e/lossless_cases.hpp"

#include <algorithm>
#include <cctype>

namespace pgphase::testing {
namespace {

constexpr const char* k_rows = "generate_series(1, 4000) i";

std::string table_of(const std::string& columns, const std::string& values) {
  return "CREATE TABLE t (id bigint PRIMARY KEY, note text, " + columns +
         ");"
         "INSERT INTO t SELECT i, 'old ' || i, " +
         values + " FROM " + k_rows;
}

std::string number(std::uint64_t n) {
  return std::to_string(n);
}

SideValues word(std::uint64_t n) {
  return {"word " + number(n)};
}
SideValues capital_word(std::uint64_t n) {
  return {"WORD " + number(n)};
}
SideValues same(const SideValues& values) {
  return values;
}
SideValues nothing(const SideValues&) {
  return {};
}

std::vector<LosslessCase> all_cases() {
  std::vector<LosslessCase> cases;
  {
    LosslessCase one;
    one.name = "AddColumnWithFill";
    one.schema = table_of("label text", "'label ' || i");
    one.plan = R"toml(
[[change]]
op     = "add_column"
table  = "t"
column = "title"
type   = "text"
fill   = "upper(label)"
)toml";
    one.before = {"t", {"label"}, word};
    one.after = {"t", {"title"}, capital_word};
    one.up = [](const SideValues& before) {
      auto after = before;
      for (auto& value : after) {
        if (value)
          std::transform(value->begin(), value->end(), value->begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
      }
      return after;
    };
    one.old_code_stops = true;
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "AddColumnWithFillBothWays";
    one.schema = table_of("n integer", "i");
    one.plan = R"toml(
[[change]]
op     = "add_column"
table  = "t"
column = "twice"
type   = "bigint"
fill   = "n * 2"
down   = "twice / 2"
)toml";
    one.before = {"t", {"n"}, [](std::uint64_t n) -> SideValues { return {number(n)}; }};
    one.after = {"t", {"twice"}, [](std::uint64_t n) -> SideValues { return {number(n)}; }};
    one.up = [](const SideValues& before) -> SideValues {
      return {before[0] ? std::optional(number(std::stoull(*before[0]) * 2)) : std::nullopt};
    };
    one.down = [](const SideValues& after) -> SideValues { return {number(std::stoull(*after[0]) / 2)}; };
    one.old_code_stops = true;
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "DropColumn";
    one.schema = table_of("extra text NOT NULL", "'extra ' || i");
    one.plan = R"toml(
[[change]]
op      = "drop_column"
table   = "t"
column  = "extra"
restore = "'none'"
)toml";
    one.before = {"t", {"extra"}, word};
    one.after = {"t", {}, nullptr};
    one.up = nothing;
    one.of_nobody = {std::nullopt};
    one.restored = {"none"};
    one.new_code_too_early = "23502";
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "DropColumnWithADefault";
    one.schema = table_of("extra text NOT NULL DEFAULT 'new'", "'extra ' || i");
    one.plan = R"toml(
[[change]]
op     = "drop_column"
table  = "t"
column = "extra"
)toml";
    one.before = {"t", {"extra"}, word};
    one.after = {"t", {}, nullptr};
    one.up = nothing;
    one.of_nobody = {"new"};
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "RenameColumn";
    one.schema = table_of("name text NOT NULL UNIQUE", "'name ' || i");
    one.plan = R"toml(
[[change]]
op     = "rename_column"
table  = "t"
column = "name"
to     = "title"
)toml";
    one.before = {"t", {"name"}, word};
    one.after = {"t", {"title"}, capital_word};
    one.up = same;
    one.down = same;
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "ChangeType";
    one.schema = table_of("amount integer NOT NULL DEFAULT 0", "i");
    one.plan = R"toml(
[[change]]
op       = "change_type"
table    = "t"
column   = "amount"
to       = "cents"
type     = "numeric(20, 1)"
fill     = "amount * 100"
down     = "cents / 100"
nullable = false
)toml";
    one.before = {"t", {"amount"}, [](std::uint64_t n) -> SideValues { return {number(n)}; }};
    one.after = {"t", {"cents"}, [](std::uint64_t n) -> SideValues { return {number(n * 100 + 37) + ".0"}; }};
    one.up = [](const SideValues& before) -> SideValues {
      return {before[0] == "0" ? std::string("0.0") : *before[0] + "00.0"};
    };
    one.down = [](const SideValues& after) -> SideValues { return {after[0]->substr(0, after[0]->size() - 4)}; };
    one.of_nobody = {"0"};
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "ChangeTypeInPlace";
    one.schema = table_of("amount integer NOT NULL DEFAULT 7 UNIQUE CHECK (amount > 0)", "i");
    one.schema +=
        "; CREATE INDEX ON t ((amount % 100)) WHERE amount > 50; CREATE TABLE u (a integer REFERENCES t (amount))";
    one.plan = "\n[[change]]\nop = \"change_type\"\ntable = \"t\"\ncolumn = \"amount\"\ntype = \"bigint\"\n";
    one.before = {"t", {"amount"}, [](std::uint64_t n) -> SideValues { return {number(n + 10'000)}; }};
    one.after = {"t", {"amount"}, [](std::uint64_t n) -> SideValues { return {number(n + 10'000)}; }};
    one.up = same;
    one.down = same;
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "SplitColumn";
    one.schema = table_of("name text NOT NULL", "'First' || i || ' Last' || i");
    one.plan = R"toml(
[[change]]
op     = "split_column"
table  = "t"
column = "name"
into   = [{ column = "first_name", type = "text", fill = "split_part(name, ' ', 1)", nullable = false },
          { column = "last_name", type = "text", fill = "split_part(name, ' ', 2)" }]
down   = "concat_ws(' ', first_name, last_name)"
)toml";
    one.before = {
        "t", {"name"}, [](std::uint64_t n) -> SideValues { return {"A" + number(n) + " B" + number(n % 7)}; }};
    one.after = {"t", {"first_name", "last_name"}, [](std::uint64_t n) -> SideValues {
                   return {"C" + number(n), "D" + number(n % 5)};
                 }};
    one.up = [](const SideValues& before) -> SideValues {
      if (!before[0]) return {std::nullopt, std::nullopt};
      const auto space = before[0]->find(' ');
      return {before[0]->substr(0, space), before[0]->substr(space + 1)};
    };
    one.down = [](const SideValues& after) -> SideValues { return {*after[0] + " " + *after[1]}; };
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "MergeColumns";
    one.schema = table_of("area integer, line text NOT NULL", "i % 90, 'line' || i");
    one.plan = R"toml(
[[change]]
op      = "merge_columns"
table   = "t"
columns = ["area", "line"]
into    = "phone"
type    = "text"
fill    = "area || '-' || line"
down    = { area = "split_part(phone, '-', 1)::integer", line = "split_part(phone, '-', 2)" }
)toml";
    one.before = {"t", {"area", "line"}, [](std::uint64_t n) -> SideValues {
                    return {number(n % 90), "x" + number(n)};
                  }};
    one.after = {"t", {"phone"}, [](std::uint64_t n) -> SideValues { return {number(n % 70) + "-y" + number(n)}; }};
    one.up = [](const SideValues& before) -> SideValues {
      if (!before[0] || !before[1]) return {std::nullopt};
      return {*before[0] + "-" + *before[1]};
    };
    one.down = [](const SideValues& after) -> SideValues {
      const auto dash = after[0]->find('-');
      return {after[0]->substr(0, dash), after[0]->substr(dash + 1)};
    };
    cases.push_back(one);
  }
  {
    LosslessCase one;
    one.name = "RenameTable";
    one.schema = table_of("label text", "'label ' || i");
    one.plan = "\n[[change]]\nop = \"rename_table\"\ntable = \"t\"\nto = \"u\"\n";
    one.before = {"t", {"label"}, word};
    one.after = {"u", {"label"}, capital_word};
    one.up = same;
    one.down = same;
    one.merge_needs = 17;  // into a view
    cases.push_back(one);
  }
  {
    // The new code does not know the table: it writes the one that its rows refer to, and one that refers to it.
    LosslessCase one;
    one.name = "DropTable";
    one.schema = table_of("parent bigint REFERENCES parents ON DELETE CASCADE", "i % 10");
    one.schema =
        "CREATE TABLE parents (id bigint PRIMARY KEY, note text); INSERT INTO parents SELECT i, 'p' FROM "
        "generate_series(0, 9) i;" +
        one.schema + "; CREATE TABLE children (t bigint REFERENCES t)";
    one.plan = "\n[[change]]\nop = \"drop_table\"\ntable = \"t\"\n";
    one.before = {"t", {"parent"}, [](std::uint64_t n) -> SideValues { return {number(n % 10)}; }};
    one.after = {"", {}, nullptr};
    one.up = nothing;
    cases.push_back(one);
  }
  return cases;
}

}  // namespace

std::vector<LosslessCase> lossless_cases_for(int major) {
  auto cases = all_cases();
  std::erase_if(cases, [major](const LosslessCase& one) { return one.from_major > major; });
  return cases;
}

}  // namespace pgphase::testing
