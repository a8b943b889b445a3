#include "phases/branch/sample.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

constexpr std::size_t k_keys_at_once = 1000;

// Tables of the database's own: not the system's, not an extension's (which fills them itself), nobody's temporary
// ones.
constexpr const char* k_own =
    "n.nspname !~ '^pg_(toast|temp|catalog)' AND n.nspname <> 'information_schema' AND NOT EXISTS "
    "(SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

// The same on both sides, as pg_dump does it: what one prints the other reads, whatever role or database say.
std::string settings(const std::string& encoding) {
  return fmt::format(
      "SET client_encoding = {};\nSET standard_conforming_strings = on;\nSET row_security = off;\n"
      "SET check_function_bodies = off;\nSET statement_timeout = 0;\nSET DateStyle = 'ISO, YMD';\n"
      "SET IntervalStyle = 'postgres';\nSET extra_float_digits = 1;\nSET bytea_output = 'hex';\n"
      "SET search_path = '';\n",
      quote_literal(encoding));
}

std::string print(const std::string& text) {
  return fmt::format("SELECT {};\n", quote_literal(text));
}

// `query`'s rows as a COPY that can be read again.
std::string copy(const TableName& table, const std::vector<std::string>& columns, const std::string& query) {
  const auto list = fmt::format("{}", fmt::join(columns, ", "));
  return print(fmt::format("COPY {} ({}) FROM stdin;", qualified(table), list)) +
         fmt::format("COPY ({}) TO STDOUT;\n", query) + print("\\.");
}

std::string from_only(const TableName& table, bool partitioned) {
  return (partitioned ? "" : "ONLY ") + qualified(table);
}

Result<std::vector<std::string>> read_sequences(Session& source) {
  PGPHASE_TRY(rows, source.query(fmt::format(
                        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                        "WHERE c.relkind = 'S' AND {} ORDER BY 1, 2",
                        k_own)));
  std::vector<std::string> statements;
  for (const auto& row : rows) {
    const auto name = qualified(TableName{row.text(0), row.text(1)});
    statements.push_back(
        fmt::format("SELECT pg_catalog.format('SELECT pg_catalog.setval(%L, %s, %L);', {}, last_value, is_called) FROM "
                    "{};\n",
                    quote_literal(name), name));
  }
  return statements;
}

}  // namespace

std::string table_sample(double rows, double pages, int wanted) {
  constexpr double k_more_than_wanted = 2, k_fewest_pages = 20, k_all = 50;
  if (rows <= 0 || pages <= 0) return {};
  const double percent = 100 * std::max(k_more_than_wanted * wanted / rows, k_fewest_pages / pages);
  if (percent >= k_all) return {};
  return fmt::format(" TABLESAMPLE SYSTEM ({:.6f})", percent);
}

Result<std::vector<Sample::Table>> Sample::read_tables(Session& source) {
  PGPHASE_TRY(rows, source.query(fmt::format(R"sql(
SELECT n.nspname, c.relname, c.relkind = 'p', c.reltuples, c.relpages, a.attname,
       n.nspname = 'pgphase' OR EXISTS (SELECT FROM pg_constraint k WHERE k.confrelid = c.oid AND k.contype = 'f'
                                         AND to_jsonb(k) ->> 'conperiod' = 'true')
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
 WHERE c.relkind IN ('r', 'p') AND {}
 ORDER BY 1, 2, a.attnum)sql",
                                             k_own)));
  std::vector<Table> tables;
  for (const auto& row : rows) {
    const TableName name{row.text(0), row.text(1)};
    if (tables.empty() || tables.back().name != name) {
      tables.push_back({name, row.boolean(2), row.number(3), row.number(4), row.boolean(6), {}});
    }
    tables.back().columns.push_back(quote_ident(row.text(5)));
  }
  return tables;
}

// A partition's own copy of its parent's key says nothing more. A key with PERIOD refers to several rows at once: its
// table is taken whole.
Result<std::vector<Sample::ForeignKey>> Sample::read_foreign_keys(Session& source) {
  PGPHASE_TRY(rows, source.query(fmt::format(R"sql(
SELECT k.oid, n.nspname, c.relname, c.relkind = 'p', pn.nspname, p.relname, p.relkind = 'p', a.attname, pa.attname,
       format_type(a.atttypid, a.atttypmod), format('OPERATOR(%I.%s)', opn.nspname, op.oprname)
  FROM pg_constraint k
  JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_class p ON p.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = p.relnamespace
  CROSS JOIN generate_subscripts(k.conkey, 1) i
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[i]
  JOIN pg_attribute pa ON pa.attrelid = p.oid AND pa.attnum = k.confkey[i]
  JOIN pg_operator op ON op.oid = k.conpfeqop[i] JOIN pg_namespace opn ON opn.oid = op.oprnamespace
 WHERE k.contype = 'f' AND k.conparentid = 0 AND coalesce(to_jsonb(k) ->> 'conperiod', 'false') = 'false' AND {}
 ORDER BY k.oid, i)sql",
                                             k_own)));
  std::vector<ForeignKey> keys;
  std::string last;
  for (const auto& row : rows) {
    if (row.text(0) != last) {
      keys.push_back({{row.text(1), row.text(2)}, {row.text(4), row.text(5)}, row.boolean(3), row.boolean(6), {}, {}});
      last = row.text(0);
    }
    keys.back().columns.push_back({quote_ident(row.text(7)), quote_ident(row.text(8)), row.text(9), row.text(10)});
  }
  return keys;
}

Result<Sample> Sample::of(Session& source, int most_rows) {
  // Without a search path, types come with their schemas.
  PGPHASE_CHECK(source.query("SET LOCAL search_path = ''"));
  Sample sample;
  sample.most_rows_ = most_rows;
  PGPHASE_TRY(tables, read_tables(source));
  PGPHASE_TRY(foreign_keys, read_foreign_keys(source));
  PGPHASE_TRY(sequences, read_sequences(source));
  PGPHASE_TRY(encoding, source.query("SELECT getdatabaseencoding()"));
  sample.tables_ = std::move(tables);
  sample.foreign_keys_ = std::move(foreign_keys);
  sample.sequences_ = std::move(sequences);
  sample.encoding_ = encoding[0].text(0);
  return sample;
}

const Sample::Table* Sample::find(const TableName& name) const {
  const auto found = std::find_if(tables_.begin(), tables_.end(), [&](const Table& one) { return one.name == name; });
  return found == tables_.end() ? nullptr : &*found;
}

std::string Sample::first() const {
  std::string script = settings(encoding_) + print(settings(encoding_));
  for (const auto& table : tables_) {
    if (table.partitioned) continue;
    auto query = fmt::format("SELECT {} FROM ONLY {}", fmt::join(table.columns, ", "), qualified(table.name));
    if (!table.whole)
      query += fmt::format("{} LIMIT {}", table_sample(table.rows, table.pages, most_rows_), most_rows_);
    script += copy(table.name, table.columns, query);
  }
  for (const auto& sequence : sequences_) script += sequence;
  return script;
}

std::string Sample::fetch(const ForeignKey& key, const std::vector<std::string>& values) const {
  const auto* parent = find(key.parent);
  if (!parent) return {};
  std::vector<std::string> columns, names, conditions;
  for (const auto& column : parent->columns) columns.push_back("p." + column);
  for (std::size_t i = 0; i < key.columns.size(); ++i) {
    names.push_back(fmt::format("k{}", i));
    conditions.push_back(fmt::format("p.{} {} k.k{}", key.columns[i].parent, key.columns[i].equals, i));
  }
  return copy(parent->name, parent->columns,
              fmt::format("SELECT {} FROM {} p WHERE EXISTS (SELECT FROM (VALUES {}) k ({}) WHERE {})",
                          fmt::join(columns, ", "), from_only(key.parent, key.parent_partitioned),
                          fmt::join(values, ", "), fmt::join(names, ", "), fmt::join(conditions, " AND ")));
}

Result<std::string> Sample::referred_to(Session& copy) {
  for (auto& key : foreign_keys_) {
    std::vector<std::string> values, is_set, conditions;
    for (const auto& column : key.columns) {
      values.push_back(fmt::format("quote_literal(c.{}::text) || {}", column.child, quote_literal("::" + column.type)));
      is_set.push_back(fmt::format("c.{} IS NOT NULL", column.child));
      conditions.push_back(fmt::format("p.{} {} c.{}", column.parent, column.equals, column.child));
    }
    PGPHASE_TRY(missing, copy.query(fmt::format(
                             "SELECT DISTINCT '(' || {} || ')' FROM {} c WHERE {} AND NOT EXISTS (SELECT FROM {} p "
                             "WHERE {})",
                             fmt::join(values, " || ', ' || "), from_only(key.child, key.child_partitioned),
                             fmt::join(is_set, " AND "), from_only(key.parent, key.parent_partitioned),
                             fmt::join(conditions, " AND "))));
    std::vector<std::string> wanted;
    for (const auto& row : missing) {
      if (key.asked.insert(row.text(0)).second) wanted.push_back(row.text(0));
    }
    if (wanted.empty()) continue;
    std::string script = settings(encoding_) + print(settings(encoding_));
    for (std::size_t at = 0; at < wanted.size(); at += k_keys_at_once) {
      const auto end = wanted.begin() + static_cast<std::ptrdiff_t>(std::min(at + k_keys_at_once, wanted.size()));
      script += fetch(key, {wanted.begin() + static_cast<std::ptrdiff_t>(at), end});
    }
    return script;
  }
  return std::string();
}

}  // namespace pgphase
