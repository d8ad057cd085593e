import { Trans, useLingui } from '@lingui/react/macro'
import { Link, useRouterState } from '@tanstack/react-router'
import {
  Activity,
  BookOpen,
  ChartColumn,
  CreditCard,
  House,
  type LucideIcon,
  Menu as MenuIcon,
  Settings,
  Smartphone,
  SquareTerminal,
  X,
} from 'lucide-react'
import { type ReactNode, useEffect, useState } from 'react'
import { Connection } from './connection.tsx'
import { Finder } from './finder.tsx'
import { Preferences } from './preferences-menu.tsx'
import { useMe } from './session.ts'

export function Shell({ children }: { children: ReactNode }) {
  const { t } = useLingui()
  const [isOpen, setOpen] = useState(false)
  const path = useRouterState({ select: state => state.location.pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: each move closes it
  useEffect(() => setOpen(false), [path])
  return (
    <div className="flex h-full flex-col md:flex-row">
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded-lg focus:bg-panel focus:p-3"
      >
        <Trans>Skip to the content</Trans>
      </a>
      <header className="flex items-center gap-2 border-b bg-panel px-3 py-2 md:hidden">
        <button
          type="button"
          className="grid size-9 place-items-center rounded-lg hover:bg-sunken"
          aria-expanded={isOpen}
          aria-controls="rail"
          aria-label={isOpen ? t`Close the menu` : t`Open the menu`}
          onClick={() => setOpen(!isOpen)}
        >
          {isOpen ? <X className="size-5" aria-hidden /> : <MenuIcon className="size-5" aria-hidden />}
        </button>
        <Brand />
        <span className="ml-auto">
          <Connection />
        </span>
      </header>
      <Rail isOpen={isOpen} />
      <main
        id="content"
        tabIndex={-1}
        className={`${isOpen ? 'max-md:hidden' : ''} min-h-0 min-w-0 flex-1 overflow-y-auto outline-none`}
      >
        {children}
      </main>
    </div>
  )
}

export const Brand = () => (
  <span className="flex items-center gap-2.5 font-semibold text-[15px] tracking-tight">
    <img src="/favicon.svg" alt="" className="size-6" />
    Wataki
  </span>
)

function Rail({ isOpen }: { isOpen: boolean }) {
  const { t } = useLingui()
  const me = useMe()
  return (
    <aside
      id="rail"
      aria-label={t`Menu`}
      className={`${isOpen ? 'flex' : 'hidden'} shrink-0 flex-col gap-4 border-r bg-panel p-3 max-md:flex-1 max-md:overflow-y-auto md:flex md:w-60`}
    >
      <div className="hidden items-center justify-between px-2 pt-2 md:flex">
        <Brand />
      </div>
      <Finder />
      <nav aria-label={t`Main`} className="flex flex-col gap-0.5">
        <Place to="/" icon={House} label={t`Home`} exact />
        <Place to="/instances" icon={Smartphone} label={t`Instances`} also="/i/" />
        <Place to="/events" icon={Activity} label={t`Events`} />
        <Place to="/usage" icon={ChartColumn} label={t`Usage & health`} />
        <Place to="/billing" icon={CreditCard} label={t`Billing`} />
        <Place to="/settings" icon={Settings} label={t`Settings`} />
      </nav>
      <nav aria-label={t`For developers`} className="mt-auto flex flex-col gap-0.5">
        <Place to="/playground" icon={SquareTerminal} label={t`Playground`} />
        <Place to="/docs" icon={BookOpen} label={t`API reference`} />
      </nav>
      <div className="flex flex-col gap-2 border-t pt-3">
        <div className="flex items-center justify-between px-2">
          <Connection />
          <Preferences />
        </div>
        <div className="min-w-0 px-2 text-[13px]">
          <p className="truncate font-medium">{me.name}</p>
          <p className="private truncate text-soft">{me.email}</p>
        </div>
      </div>
    </aside>
  )
}

interface PlaceProps {
  to: string
  icon: LucideIcon
  label: string
  exact?: boolean
  /** What lies below this is here, too. */
  also?: string
}

function Place({ to, icon: Icon, label, exact, also }: PlaceProps) {
  const path = useRouterState({ select: state => state.location.pathname })
  const isHere = exact ? path === to : path.startsWith(to) || (also !== undefined && path.startsWith(also))
  return (
    <Link
      to={to}
      aria-current={isHere ? 'page' : undefined}
      className={`flex items-center gap-3 rounded-lg px-2.5 py-2 font-medium transition-colors md:py-1.5 ${
        isHere ? 'bg-sunken text-ink' : 'text-soft hover:bg-sunken hover:text-ink'
      }`}
    >
      <Icon className="size-4 shrink-0" aria-hidden />
      {label}
    </Link>
  )
}
