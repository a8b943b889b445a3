#include "tests/support/dump.hpp"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <regex>
#include <set>
#include <stdexcept>

#include "phases/postgres/server_binaries.hpp"
#include "plans/sql/quote.hpp"
#include "tests/support/database.hpp"
#include "tests/support/process.hpp"
#include "tests/support/server.hpp"

namespace pgphase::testing {
namespace {

namespace fs = std::filesystem;

constexpr int k_debians_pg_dump = 15;

// One line each thing; columns with their place among those that are left.
constexpr const char* k_catalogue = R"sql(
WITH spaces AS (SELECT * FROM pg_namespace
                 WHERE (nspname !~ '^pg_' OR nspname = 'pgphase_retired') AND nspname <> 'information_schema'
                   AND nspname <> ALL (%WITHOUT%)),
     rel AS (SELECT c.*, n.nspname FROM pg_class c JOIN spaces n ON n.oid = c.relnamespace)
SELECT line FROM (
  SELECT format('schema %s %s', nspname, nspacl) FROM spaces
  UNION ALL SELECT format('relation %s.%s %s %s %s %s', nspname, relname, relkind, relacl, relreplident, reloptions)
    FROM rel
  UNION ALL SELECT format('column %s.%s %s %s %s %s %s %s %s', nspname, relname,
      row_number() OVER (PARTITION BY rel.oid ORDER BY attnum), attname, format_type(atttypid, atttypmod), attnotnull,
      attidentity, pg_get_expr(adbin, adrelid), attacl)
    FROM rel JOIN pg_attribute a ON attrelid = rel.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = rel.oid AND adnum = attnum
  UNION ALL SELECT format('constraint %s.%s %s %s', nspname, relname, conname, pg_get_constraintdef(k.oid))
    FROM rel JOIN pg_constraint k ON conrelid = rel.oid
  UNION ALL SELECT pg_get_indexdef(indexrelid) FROM rel JOIN pg_index ON indrelid = rel.oid
  UNION ALL SELECT pg_get_triggerdef(t.oid) FROM rel JOIN pg_trigger t ON tgrelid = rel.oid AND NOT tgisinternal
  UNION ALL SELECT format('view %s.%s %s', nspname, relname, pg_get_viewdef(oid)) FROM rel WHERE relkind IN ('v', 'm')
  UNION ALL SELECT format('sequence %s %s %s %s', seqrelid::regclass, seqstart, seqincrement, seqmax)
    FROM rel JOIN pg_sequence ON seqrelid = rel.oid
  UNION ALL SELECT format('comment %s %s', pg_describe_object(classoid, objoid, objsubid), description)
    FROM pg_description JOIN rel ON objoid = rel.oid
  UNION ALL SELECT format('publication %s', pubname) FROM pg_publication
  UNION ALL SELECT format('policy %s', polname) FROM pg_policy
  UNION ALL SELECT format('function %s %s', oid::regprocedure, prosrc) FROM pg_proc
   WHERE pronamespace IN (SELECT oid FROM spaces)
) lines(line) ORDER BY line)sql";

std::string catalogue(PgClient& client, const std::vector<std::string>& without) {
  std::string list;
  for (const auto& schema : without) list += (list.empty() ? "" : ", ") + quote_literal(schema);
  auto sql = std::string(k_catalogue);
  sql.replace(sql.find("%WITHOUT%"), 9, "ARRAY[" + list + "]::text[]");
  std::string lines;
  for (const auto& row : client.query(sql)) lines += row[0].value_or("") + "\n";
  return lines;
}

std::string rows(PgClient& client) {
  std::string lines;
  for (const auto& table : client.query("SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n "
                                        "ON n.oid = relnamespace WHERE relkind = 'r' AND (nspname !~ '^pg_' OR nspname "
                                        "= 'pgphase_retired') AND nspname <> 'information_schema' ORDER BY 1")) {
    for (const auto& row : client.query("SELECT t::text FROM " + *table[0] + " t ORDER BY 1")) {
      lines += *table[0] + " " + row[0].value_or("NULL") + "\n";
    }
  }
  return lines;
}

std::string pg_dump_program() {
  if (const auto found = find_server_binaries({}, test_server_major())) {
    const auto beside_the_server = fs::path(found->folder) / "pg_dump";
    if (fs::exists(beside_the_server)) return beside_the_server.string();
  }
  return test_server_major() > k_debians_pg_dump ? "" : "pg_dump";
}

std::string pg_dump(const std::string& program, const std::string& url, std::vector<std::string> options) {
  options.insert(options.begin(), {program, "--dbname=" + url});
  const auto output = run(options);
  if (output.code != 0) throw std::runtime_error("pg_dump failed: " + output.err);
  static const std::regex random_line("\\\\(un)?restrict [^\n]*\n");
  return std::regex_replace(output.out, random_line, "");
}

}  // namespace

std::string schema_dump(const std::string& url, const std::vector<std::string>& without_schemas) {
  const auto program = pg_dump_program();
  if (program.empty()) {
    PgClient client(url);
    return catalogue(client, without_schemas);
  }
  std::vector<std::string> options{"--schema-only"};
  for (const auto& schema : without_schemas) options.push_back("--exclude-schema=" + schema);
  return pg_dump(program, url, options);
}

std::string full_dump(const std::string& url) {
  const auto program = pg_dump_program();
  if (!program.empty()) return pg_dump(program, url, {});
  PgClient client(url);
  return catalogue(client, {}) + rows(client);
}

namespace {

// Each line of a dump once, without what only its place in a list gives it.
std::multiset<std::string> lines_of(const std::string& dump) {
  static const std::regex in_the_catalogue("^(column \\S+) [0-9]+");
  std::multiset<std::string> out;
  for (std::size_t at = 0; at < dump.size();) {
    const auto end = std::min(dump.find('\n', at), dump.size());
    auto line = dump.substr(at, end - at);
    if (line.ends_with(',')) line.pop_back();
    line = std::regex_replace(line, in_the_catalogue, "$1");
    const bool kept = line.find("pgphase") != std::string::npos;
    if (!line.empty() && !line.starts_with("--") && !kept) out.insert(line);
    at = end + 1;
  }
  return out;
}

}  // namespace

std::string schema_difference(const std::string& sql, const std::string& plans) {
  const auto a = lines_of(sql);
  const auto b = lines_of(plans);
  std::vector<std::string> only_a;
  std::vector<std::string> only_b;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(only_a));
  std::set_difference(b.begin(), b.end(), a.begin(), a.end(), std::back_inserter(only_b));
  std::string out;
  for (const auto& line : only_a) out += "  the SQL only:   " + line + '\n';
  for (const auto& line : only_b) out += "  the plans only: " + line + '\n';
  return out;
}

}  // namespace pgphase::testing
