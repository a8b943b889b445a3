#include "orchestrator/rehearsal/report_file.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <filesystem>
#include <fstream>

namespace pgphase {
namespace {

namespace fs = std::filesystem;

std::string rendered(const Rehearsal& rehearsal, const fs::path& extension) {
  if (extension == ".html") return as_html(rehearsal);
  if (extension == ".md") return as_markdown(rehearsal);
  if (extension == ".xml") return as_junit(rehearsal);
  return boost::json::serialize(as_json(rehearsal)) + "\n";
}

}  // namespace

Result<void> reports_can_be_written(const std::vector<std::string>& files) {
  for (const auto& file : files) {
    const fs::path path(file);
    const auto extension = path.extension();
    if (extension != ".html" && extension != ".md" && extension != ".xml" && extension != ".json") {
      return make_error(Errc::usage,
                        fmt::format("--report {}: the name ends in .html, .md, .xml (JUnit) or .json", file));
    }
    const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
    const auto& asked = fs::exists(path) ? path : folder;
    if (fs::is_directory(path) || ::access(asked.c_str(), W_OK) != 0) {
      return make_error(Errc::usage, fmt::format("--report {}: that file cannot be written", file),
                        "Nothing was rehearsed.");
    }
  }
  return {};
}

Result<void> write_report(const Rehearsal& rehearsal, const std::string& file) {
  const auto text = rendered(rehearsal, fs::path(file).extension());
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (out) return {};
  return make_error(Errc::usage, fmt::format("the report cannot be written to {}", file),
                    "The rehearsal itself is over; its branch is removed.");
}

}  // namespace pgphase
