def render_html(results): return ""
