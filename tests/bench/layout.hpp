// Tables for a terminal and for a page. Pure.
#pragma once

#include <string>
#include <vector>

namespace pgphase::bench {

struct Grid {
  std::vector<std::string> heads;
  std::vector<std::vector<std::string>> rows;  // each as long as `heads`
};

// The first column to the left, the others to the right. Width is counted in characters, not in bytes.
std::string as_text(const Grid& grid);
std::string as_markdown(const Grid& grid);

// `page` with `body` between the lines `<!-- NAME -->` and `<!-- /NAME -->`, in place of what stood there; a page
// without that pair gets it at its end.
std::string with_section(const std::string& page, const std::string& name, const std::string& body);

}  // namespace pgphase::bench
