/** The page's head: its name, the views, and light or dark. */
import { theme } from '../components/theme.js'
import { type Route, viewNames, viewTitles } from './routes.js'

/** A disc and its rays. */
const SUN =
  'M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15' + 'M3 3l1 1M12 12l1 1M3 13l1-1M12 4l1-1'

function ThemeToggle() {
  const dark = theme.name.value === 'dark'
  return (
    <button
      type="button"
      class="button quiet icon-only"
      aria-label={dark ? 'Light colours' : 'Dark colours'}
      onClick={() => theme.toggle()}
    >
      <svg viewBox="0 0 16 16" class="stroked" aria-hidden="true">
        {dark ? <path d={SUN} /> : <path d="M6.5 2a6 6 0 1 0 7.5 7.5A5.5 5.5 0 0 1 6.5 2z" />}
      </svg>
    </button>
  )
}

export function Header({ route }: { route: Route }) {
  const current = route.view.value
  return (
    <header class="header">
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <p class="brand">
        diffwave <span>studio</span>
      </p>
      <nav aria-label="Views">
        <ul>
          {viewNames.map(name => (
            <li key={name}>
              <a href={`#/${name}`} aria-current={name === current ? 'page' : undefined}>
                {viewTitles[name]}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      <ThemeToggle />
    </header>
  )
}
